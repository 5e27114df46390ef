"""From a checked configuration to an ``Experiment`` that has its parts.

Parts that take long to make are remembered and shared by all experiments of a process:
see ``cache``.
"""

from fedrobust.assembly.cache import forget
from fedrobust.assembly.experiment import Experiment

__all__ = ["Experiment", "forget"]
