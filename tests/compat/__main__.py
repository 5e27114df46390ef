"""Run the tests of `strategies` on each minor version of Flower, and write the log.

`python -m tests.compat` takes about a minute a version and writes
docs/results/compat.md; `python -m tests.compat 1.25.0 1.42.0` prints the lines of
these versions alone. Each gets an environment of its own in .compat/, which is removed
afterwards.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = REPOSITORY / ".compat"
LOG = REPOSITORY / "docs" / "results" / "compat.md"
# The last release of each minor version with a Message API for strategies.
VERSIONS = (
    *("1.21.0", "1.22.0", "1.23.0", "1.24.0", "1.25.0", "1.26.1", "1.27.0", "1.28.0"),
    *("1.29.0", "1.30.0", "1.31.0", "1.32.1", "1.33.0", "1.34.0", "1.35.0", "1.36.0"),
    *("1.37.0", "1.38.0", "1.39.0", "1.40.0", "1.41.0", "1.42.0"),
)
# What strategies needs beside Flower, then what its tests need.
PACKAGES = (
    *("numpy", "scipy", "threadpoolctl"),
    *("pytest", "pytest-timeout", "hypothesis", "scikit-learn"),
)
SHOWN = ("flwr", "protobuf", "numpy", "scipy")
# Compares Flower's own strategies, of the newest version, with ours.
LEFT_OUT = "tests/strategies/test_flower_defects.py"
HEADER = f"""# Versions of Flower that `strategies` works on

`make compat` installs the last release of each minor version into an environment of its
own, without TensorFlow, runs `tests/strategies` there and one federation of six clients
of which one sends NaN, and writes this page. It is not edited by hand.
`{Path(LEFT_OUT).name}` is left out: it is about Flower's own strategies, in the version
that the framework is locked on.

Flower 1.20 and older have no `flwr.serverapp.strategy`, so 1.21 is the oldest possible.

Python {platform.python_version()}.

| {" | ".join(SHOWN)} | passed | skipped | failed | federation |
|{"---|" * len(SHOWN)}---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one version: a line of the log."""

    versions: tuple[str, ...]
    passed: int
    skipped: int
    failed: int
    federation: bool

    @property
    def is_good(self) -> bool:
        """Whether tests ran, and all of them and the federation were right."""
        return self.federation and self.failed == 0 and self.passed > 0

    def __str__(self) -> str:
        counts = (self.passed, self.skipped, self.failed)
        federation = "as expected" if self.federation else "**wrong**"
        return f"| {' | '.join([*self.versions, *map(str, counts), federation])} |"


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on arguments, in the repository."""
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "FLWR_HOME": str(python.parents[1] / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
    }
    command = [str(python), *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    )


def run_tests(python: Path) -> tuple[int, int, int]:
    """Run the tests; how many passed, were skipped, and failed."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        flags = ("-p", "tests.compat.stand_ins", "-p", "no:cacheprovider")
        where = ("tests/strategies", "--ignore", LEFT_OUT, "--junitxml", report.name)
        print(run(python, "-m", "pytest", *flags, *where).stdout)
        suite = ElementTree.parse(report.name).getroot().find("testsuite")
    assert suite is not None
    count = {name: int(value) for name, value in suite.items() if value.isdigit()}
    failed = count["failures"] + count["errors"]
    return count["tests"] - count["skipped"] - failed, count["skipped"], failed


def try_version(version: str) -> Outcome:
    """Install a version of Flower and run everything on it."""
    folder = ENVIRONMENTS / version
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin" / "python"
    try:
        install = ("-m", "pip", "install", "--quiet", f"flwr=={version}", *PACKAGES)
        run(python, *install).check_returncode()
        ask = f"from importlib.metadata import version\nprint(*map(version, {SHOWN}))"
        federation = run(python, "-m", "tests.compat.federation")
        print(federation.stdout)
        return Outcome(
            tuple(run(python, "-c", ask).stdout.split()),
            *run_tests(python),
            federation.returncode == 0,
        )
    finally:
        shutil.rmtree(folder)


def main(chosen: list[str]) -> int:
    """Try all versions, or those chosen; 1 if anything failed on one of them."""
    outcomes = []
    for version in chosen or VERSIONS:
        outcomes.append(try_version(version))
        print(outcomes[-1], flush=True)
    if not chosen:
        LOG.write_text(HEADER + "".join(f"{outcome}\n" for outcome in outcomes))
    return int(not all(outcome.is_good for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
