"""Local training and its objectives: the adversarial training hook."""

from fedrobust.training.local import LocalTraining, Schedule, Trainer
from fedrobust.training.noise import Noise
from fedrobust.training.objective import Objective
from fedrobust.training.pgd import PGDTraining
from fedrobust.training.standard import Standard

__all__ = [
    "LocalTraining",
    "Noise",
    "Objective",
    "PGDTraining",
    "Schedule",
    "Standard",
    "Trainer",
]
