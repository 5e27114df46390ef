"""Measure when a multirun starts its first job, in processor seconds of this process.

    python -m experiments.benchmarks.first_job [OVERRIDES ...] [--profile]

Without overrides it is the largest sweep of conf/: ``experiment=byzantine``. The first
job itself is left out, and with it the import of TensorFlow.
"""

import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fedrobust.cli import main
from fedrobust.commands import launch


class FirstJobStarted(BaseException):
    """Ends the multirun; neither fedrobust nor Hydra handles it as a failed job."""


def measure(overrides: list[str]) -> float:
    """Return the processor seconds from the start of Python to that of the first job.

    Raises
    ------
    RuntimeError
        When no job started.
    """

    def start(composed: Any) -> None:
        raise FirstJobStarted

    launch.job = start  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        sweep = f"hydra.sweep.dir={Path(folder) / 'sweep'}"
        try:
            main(["run", "-m", *overrides, sweep])
        except FirstJobStarted:
            return time.process_time()
    raise RuntimeError(f"{' '.join(overrides)}: no job started")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--profile"]
    profiler = cProfile.Profile()
    if "--profile" in sys.argv:
        profiler.enable()
    seconds = measure(words or ["experiment=byzantine"])
    profiler.disable()
    if "--profile" in sys.argv:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(40)
    print(f"the first job started after {seconds:.2f} processor seconds")
