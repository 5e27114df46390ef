"""Build the parts of an ``Experiment`` from a checked configuration.

Parts that take long to build are cached and shared by all experiments of a process; see
``cache``.
"""

from fedrobust.assembly.cache import forget
from fedrobust.assembly.experiment import Experiment

__all__ = ["Experiment", "forget"]
