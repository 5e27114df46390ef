"""Pre-aggregators: (n, d) updates in, (m, d) out, before the rule.

>>> import numpy as np
>>> from strategies.preaggregators import NNM
>>> NNM(f=1)(np.array([[1.0], [2.0], [9.0]], np.float32)).ravel()
array([1.5, 1.5, 5.5], dtype=float32)
"""

from strategies.preaggregators.arc import ARC
from strategies.preaggregators.base import Preaggregator
from strategies.preaggregators.bucketing import Bucketing
from strategies.preaggregators.clipping import Clipping
from strategies.preaggregators.groups import Groups
from strategies.preaggregators.nnm import NNM

__all__ = ["ARC", "NNM", "Bucketing", "Clipping", "Groups", "Preaggregator"]
