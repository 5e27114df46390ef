"""Local training and its objectives, which are the adversarial training hook."""

from fedrobust.training.alp import ALP
from fedrobust.training.avmixup import AVMixup
from fedrobust.training.bucketing import BucketingSimulator
from fedrobust.training.calfat import CalFAT
from fedrobust.training.dbfat import DBFAT
from fedrobust.training.fast import FastTraining
from fedrobust.training.fedrbn import FedRBN
from fedrobust.training.free import FreeTraining
from fedrobust.training.mart import MART
from fedrobust.training.noise import Noise
from fedrobust.training.objective import Objective
from fedrobust.training.pgd import PGDTraining
from fedrobust.training.schedule import LocalTraining, Schedule
from fedrobust.training.simulator import Simulator
from fedrobust.training.standard import Standard
from fedrobust.training.trades import TRADES
from fedrobust.training.trainer import Trainer

__all__ = [
    "ALP",
    "DBFAT",
    "MART",
    "TRADES",
    "AVMixup",
    "BucketingSimulator",
    "CalFAT",
    "FastTraining",
    "FedRBN",
    "FreeTraining",
    "LocalTraining",
    "Noise",
    "Objective",
    "PGDTraining",
    "Schedule",
    "Simulator",
    "Standard",
    "Trainer",
]
