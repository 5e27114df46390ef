"""Aggregation rules: (n, d) updates in, one (d,) vector out.

>>> import numpy as np
>>> from strategies.rules import Median
>>> Median()(np.array([[0.0], [1.0], [9.0]], np.float32)).vector
array([1.], dtype=float32)
"""

from strategies.rules.base import Aggregate, RobustRule, Rule, RuleContext
from strategies.rules.bulyan import Bulyan
from strategies.rules.caf import CAF
from strategies.rules.centered_clipping import CenteredClipping
from strategies.rules.cge import CGE
from strategies.rules.dnc import DnC
from strategies.rules.flame import FLAME
from strategies.rules.flanders import FLANDERS
from strategies.rules.fldetector import FLDetector
from strategies.rules.fltrust import FLTrust
from strategies.rules.foolsgold import FoolsGold
from strategies.rules.geometric_median import GeometricMedian
from strategies.rules.krum import Krum, MultiKrum
from strategies.rules.lasa import LASA
from strategies.rules.mda import MDA
from strategies.rules.meamed import MeaMed
from strategies.rules.mean import Mean
from strategies.rules.median import Median
from strategies.rules.monna import MoNNA
from strategies.rules.norm_clipping import NormClipping
from strategies.rules.phocas import Phocas
from strategies.rules.rlr import RLR
from strategies.rules.sfat import SFAT
from strategies.rules.sign_guard import SignGuard
from strategies.rules.sign_majority import SignMajority
from strategies.rules.smea import SMEA
from strategies.rules.trimmed_mean import TrimmedMean

__all__ = [
    "CAF",
    "CGE",
    "FLAME",
    "FLANDERS",
    "LASA",
    "MDA",
    "RLR",
    "SFAT",
    "SMEA",
    "Aggregate",
    "Bulyan",
    "CenteredClipping",
    "DnC",
    "FLDetector",
    "FLTrust",
    "FoolsGold",
    "GeometricMedian",
    "Krum",
    "MeaMed",
    "Mean",
    "Median",
    "MoNNA",
    "MultiKrum",
    "NormClipping",
    "Phocas",
    "RobustRule",
    "Rule",
    "RuleContext",
    "SignGuard",
    "SignMajority",
    "TrimmedMean",
]
