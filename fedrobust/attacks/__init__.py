"""Evasion attacks: inputs within epsilon that the model gets wrong."""

from fedrobust.attacks.base import Attack
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.pgd import PGD
from fedrobust.epsilon import parse_epsilon

__all__ = ["FGSM", "PGD", "Attack", "parse_epsilon"]
