"""Dishonest clients: poisoned data, tampered replies, and colluding updates."""

from fedrobust.byzantine.alie import ALIE
from fedrobust.byzantine.base import (
    ByzantineAttack,
    Collusion,
    DataPoisoning,
    Tampering,
    byzantine_clients,
)
from fedrobust.byzantine.gaussian import Gaussian
from fedrobust.byzantine.ipm import IPM
from fedrobust.byzantine.label_flip import LabelFlip
from fedrobust.byzantine.sign_flip import SignFlip

__all__ = [
    "ALIE",
    "IPM",
    "ByzantineAttack",
    "Collusion",
    "DataPoisoning",
    "Gaussian",
    "LabelFlip",
    "SignFlip",
    "Tampering",
    "byzantine_clients",
]
