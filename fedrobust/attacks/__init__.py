"""Evasion attacks: inputs within epsilon that the model gets wrong."""

from fedrobust.attacks.base import Attack
from fedrobust.attacks.bim import BIM
from fedrobust.attacks.cw_linf import CWLinf
from fedrobust.attacks.ffgsm import FFGSM
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.mim import MIM
from fedrobust.attacks.pgd import PGD
from fedrobust.epsilon import parse_epsilon

__all__ = ["BIM", "FFGSM", "FGSM", "MIM", "PGD", "Attack", "CWLinf", "parse_epsilon"]
