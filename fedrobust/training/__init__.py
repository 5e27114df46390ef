"""Local training and its objectives: the adversarial training hook."""

from fedrobust.training.alp import ALP
from fedrobust.training.avmixup import AVMixup
from fedrobust.training.fast import FastTraining
from fedrobust.training.local import LocalTraining, Schedule, Trainer
from fedrobust.training.mart import MART
from fedrobust.training.noise import Noise
from fedrobust.training.objective import Objective
from fedrobust.training.pgd import PGDTraining
from fedrobust.training.standard import Standard
from fedrobust.training.trades import TRADES

__all__ = [
    "ALP",
    "MART",
    "TRADES",
    "AVMixup",
    "FastTraining",
    "LocalTraining",
    "Noise",
    "Objective",
    "PGDTraining",
    "Schedule",
    "Standard",
    "Trainer",
]
