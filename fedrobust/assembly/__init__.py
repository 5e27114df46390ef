"""Build the parts of an ``Experiment`` from a checked configuration.

Other folders use ``Experiment`` alone; the modules here are its parts. What takes long
to build is cached and shared by all experiments of a process; see ``cache``.
"""

from fedrobust.assembly.cache import forget
from fedrobust.assembly.experiment import Experiment

__all__ = ["Experiment", "forget"]
