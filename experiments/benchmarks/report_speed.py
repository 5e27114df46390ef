"""Time the report of the largest sweep, by this build and by an earlier one in turns.

    git worktree add --detach before 95a1172
    python -m experiments.benchmarks.report_speed before [REPETITIONS]

Both read one folder, which ``report_folder`` writes. Processor seconds are those of the
whole command, imports included.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from experiments.benchmarks.report_folder import write_folder


def seconds(build: Path, folder: Path) -> float:
    """Return the processor seconds of a build's report."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "fedrobust.cli", "report", str(folder)],
        cwd=build,
        env={**os.environ, "PYTHONPATH": str(build)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(earlier: Path, repetitions: int) -> None:
    """Print the median of both builds, and their ratio."""
    present = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "byzantine"
        print(write_folder(folder), "runs")
        found: dict[Path, list[float]] = {earlier: [], present: []}
        for _ in range(repetitions):
            for build, times in found.items():
                times.append(seconds(build, folder))
    old, new = (median(times) for times in found.values())
    print(f"earlier {old:.2f} s, now {new:.2f} s: {old / new:.2f} times")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
