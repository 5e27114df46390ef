"""The Python API: what scripts and notebooks get from ``import fedrobust``.

calls      run, sweep and load
arguments  checks of what they are given
execute    one run, and why it failed
runs       a finished run, read from its folder
sweeps     finished runs together, and those that failed
figures    figures of a sweep
process    what a call leaves as it found it
"""

from fedrobust.api.calls import load, run, sweep
from fedrobust.api.runs import Run
from fedrobust.api.sweeps import FailedRun, Sweep

__all__ = ["FailedRun", "Run", "Sweep", "load", "run", "sweep"]
