"""Aggregation rules: (n, d) updates in, one (d,) vector out.

>>> import numpy as np
>>> from strategies.rules import Median
>>> Median()(np.array([[0.0], [1.0], [9.0]], np.float32)).vector
array([1.], dtype=float32)
"""

from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.rules.krum import Krum, MultiKrum
from strategies.rules.mean import Mean
from strategies.rules.median import Median
from strategies.rules.trimmed_mean import TrimmedMean

__all__ = [
    "Aggregate",
    "Krum",
    "Mean",
    "Median",
    "MultiKrum",
    "Rule",
    "RuleContext",
    "TrimmedMean",
]
