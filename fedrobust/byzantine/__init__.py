"""Byzantine attacks: poisoned data, tampered replies, and colluding updates."""

from fedrobust.byzantine.alie import ALIE
from fedrobust.byzantine.backdoor import Backdoor
from fedrobust.byzantine.base import ByzantineAttack
from fedrobust.byzantine.collusion import AttackContext, Collusion
from fedrobust.byzantine.constant import Constant
from fedrobust.byzantine.dba import DBA
from fedrobust.byzantine.edge_case import EdgeCase
from fedrobust.byzantine.fang_krum import FangKrum
from fedrobust.byzantine.fang_trim import FangTrim
from fedrobust.byzantine.flanders_baseline.fang import FangFlanders
from fedrobust.byzantine.flanders_baseline.lie import LIEFlanders
from fedrobust.byzantine.flanders_baseline.min_max import MinMaxFlanders
from fedrobust.byzantine.free_rider import FreeRider
from fedrobust.byzantine.gaussian import Gaussian
from fedrobust.byzantine.inflation import ExamplesInflation
from fedrobust.byzantine.ipm import IPM
from fedrobust.byzantine.label_flip import LabelFlip
from fedrobust.byzantine.masked_robustness import MaskedRobustness
from fedrobust.byzantine.mimic import Mimic
from fedrobust.byzantine.min_max import MinMax
from fedrobust.byzantine.min_sum import MinSum
from fedrobust.byzantine.neurotoxin import Neurotoxin
from fedrobust.byzantine.optimal import OptimalALIE, OptimalIPM
from fedrobust.byzantine.pixel_backdoor import PixelBackdoor
from fedrobust.byzantine.poisoning import DataPoisoning, ObjectivePoisoning
from fedrobust.byzantine.robustness_poisoning import RobustnessPoisoning
from fedrobust.byzantine.selection import byzantine_clients
from fedrobust.byzantine.sign_flip import MeanSignFlip, SignFlip
from fedrobust.byzantine.tampering import ClientContext, Tampering

__all__ = [
    "ALIE",
    "DBA",
    "IPM",
    "AttackContext",
    "Backdoor",
    "ByzantineAttack",
    "ClientContext",
    "Collusion",
    "Constant",
    "DataPoisoning",
    "EdgeCase",
    "ExamplesInflation",
    "FangFlanders",
    "FangKrum",
    "FangTrim",
    "FreeRider",
    "Gaussian",
    "LIEFlanders",
    "LabelFlip",
    "MaskedRobustness",
    "MeanSignFlip",
    "Mimic",
    "MinMax",
    "MinMaxFlanders",
    "MinSum",
    "Neurotoxin",
    "ObjectivePoisoning",
    "OptimalALIE",
    "OptimalIPM",
    "PixelBackdoor",
    "RobustnessPoisoning",
    "SignFlip",
    "Tampering",
    "byzantine_clients",
]
