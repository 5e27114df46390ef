"""Evasion attacks: search for inputs within epsilon that the model misclassifies."""

from fedrobust.attacks.apgd import APGD
from fedrobust.attacks.autoattack import AutoAttack, AutoAttackFast
from fedrobust.attacks.base import Attack
from fedrobust.attacks.bim import BIM
from fedrobust.attacks.cw_l2 import CWL2
from fedrobust.attacks.cw_linf import CWLinf
from fedrobust.attacks.deepfool import DeepFool
from fedrobust.attacks.fab import FAB
from fedrobust.attacks.ffgsm import FFGSM
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.mim import MIM
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.attacks.square import Square
from fedrobust.attacks.transfer import Transfer
from fedrobust.epsilon import parse_epsilon

__all__ = [
    "APGD",
    "BIM",
    "CWL2",
    "FAB",
    "FFGSM",
    "FGSM",
    "MIM",
    "PGD",
    "Attack",
    "AutoAttack",
    "AutoAttackFast",
    "CWLinf",
    "DeepFool",
    "RandomNoise",
    "Square",
    "Transfer",
    "parse_epsilon",
]
