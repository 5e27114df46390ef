"""How oracles are found, what a skip means, and the log that `make oracles` leaves.

In the ordinary environment a test skips where its oracle is not installed. With
FEDROBUST_ORACLES=1, as `make oracles` sets it, a skip is a failure, and a run of the
whole folder that passes writes docs/results/oracles.md.
"""

import importlib.metadata
import importlib.util
import os
import platform
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.oracles.cases import ROUNDING, SAME_PIXEL, deviation

FOLDER = Path(__file__).parent
LOG = FOLDER.parents[1] / "docs" / "results" / "oracles.md"
REQUIRED = os.environ.get("FEDROBUST_ORACLES") == "1"
PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "byzfl",
    "flwr",
    "tensorflow",
    "keras",
    "cleverhans",
    "foolbox",
    "eagerpy",
    "adversarial-robustness-toolbox",
)


def _find_byzfl() -> None:
    """Allow imports of byzfl's submodules without running its __init__.

    That one imports its benchmark as well, and with it torchvision and plotting, of
    which the rules and attacks need nothing: so a bare parent stands in for it.
    """
    spec = importlib.util.find_spec("byzfl") if "byzfl" not in sys.modules else None
    if spec is not None and spec.submodule_search_locations is not None:
        bare = types.ModuleType("byzfl")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["byzfl"] = bare


_find_byzfl()


class Attacked(NamedTuple):
    """Adversarial images of an oracle and of ours, compared pixel by pixel."""

    oracle: str
    ours: str
    settings: int
    pixels: int
    within: float
    equal: float
    furthest: float

    def row(self) -> str:
        """Write its row of the table."""
        return (
            f"| {self.oracle} | {self.ours} | {self.settings} | {self.pixels:,} "
            f"| {self.within:.0e} | {self.equal:.3%} | {self.furthest:.0e} |"
        )


class Log:
    """What the tests compared, and where they saw a difference."""

    def __init__(self) -> None:
        self.compared: list[tuple[str, str, int, float]] = []
        self.different: list[tuple[str, str, str]] = []
        self.attacked: list[Attacked] = []
        self.reached: list[tuple[str, str, str, float, float]] = []

    def markdown(self) -> str:
        """Write the page."""
        lines = [
            "# Oracles",
            "",
            "`make oracles` feeds the same inputs to this project and to the code of "
            "others, and writes this page.",
            "It is not edited by hand: the tests are in `tests/oracles/`.",
            "",
            "## Versions",
            "",
            "| package | version |",
            "|---|---|",
            f"| Python | {platform.python_version()} |",
        ]
        versions = ((name, importlib.metadata.version(name)) for name in PACKAGES)
        lines += [f"| {name} | {version} |" for name, version in versions]
        cases = sum(row[2] for row in self.compared)
        lines += [
            "",
            "## Where both agree",
            "",
            f"{cases:,} cases. The deviation is the largest difference in a case, over "
            "the largest value of the oracle's answer;",
            "ours is float32, so that half a unit in its last place, 6e-08, is exact.",
            "",
            "| oracle | ours | cases | largest deviation |",
            "|---|---|---:|---:|",
        ]
        lines += [
            f"| {oracle} | {ours} | {cases} | {largest:.0e} |"
            for oracle, ours, cases, largest in sorted(self.compared)
        ]
        lines += [
            "",
            "## Evasion attacks, pixel by pixel",
            "",
            "On Keras models trained on scikit-learn's digits, in [0, 1]. A setting is "
            "a model, an epsilon, a step size and a number of steps;",
            "a pixel is equal when the difference is within the bound, and the largest "
            "difference is in the last column.",
            "",
            "| oracle | ours | settings | pixels | within | equal | largest |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
        lines += [attacked.row() for attacked in sorted(self.attacked)]
        lines += [
            "",
            "## Evasion attacks, by what they reach",
            "",
            "Where steps or draws differ, results are compared. The tolerances, and "
            "why they are not smaller, are in the tests.",
            "",
            "| oracle | ours | what | theirs | ours |",
            "|---|---|---|---:|---:|",
        ]
        lines += [
            f"| {oracle} | {ours} | {what} | {theirs:.4f} | {mine:.4f} |"
            for oracle, ours, what, theirs, mine in sorted(self.reached)
        ]
        lines += [
            "",
            "## Where they differ",
            "",
            "Each line is a test, which fails once the oracle changes its mind.",
            "",
            "| oracle | ours | what differs |",
            "|---|---|---|",
        ]
        lines += [
            f"| {oracle} | {ours} | {what} |"
            for oracle, ours, what in sorted(self.different)
        ]
        return "\n".join(lines) + "\n"


_LOG = pytest.StashKey[Log]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LOG] = Log()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[str, str, int, float], None]:
    """Note ``(oracle, ours, cases, largest_deviation)`` for the log."""

    def note(oracle: str, ours: str, cases: int, largest_deviation: float) -> None:
        assert cases > 0
        log = request.config.stash[_LOG]
        log.compared.append((oracle, ours, cases, largest_deviation))

    return note


@pytest.fixture
def differs(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Note ``(oracle, ours, what)``, a difference that the test has shown."""

    def note(oracle: str, ours: str, what: str) -> None:
        request.config.stash[_LOG].different.append((oracle, ours, what))

    return note


Pair = tuple[object, np.ndarray, np.ndarray]


@pytest.fixture
def agree(
    record: Callable[[str, str, int, float], None],
) -> Callable[..., None]:
    """Compare pairs ``(case, ours, the oracle's)``, all of them, and note the worst."""

    def compare(
        oracle: str, ours: str, pairs: Iterable[Pair], tolerance: float = ROUNDING
    ) -> None:
        worst, where, cases = 0.0, None, 0
        for case, mine, theirs in pairs:
            cases += 1
            far = deviation(mine, theirs, case)
            if not far <= worst:
                worst, where = far, case
        assert worst <= tolerance, f"{worst:.1e} in {where}"
        record(oracle, ours, cases, worst)

    return compare


@pytest.fixture
def same_pixels(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare pairs of adversarial images: in each, 99.9 % of the pixels are equal."""

    def compare(
        oracle: str, ours: str, pairs: Iterable[Pair], within: float = SAME_PIXEL
    ) -> None:
        settings, pixels, equal, furthest = 0, 0, 0, 0.0
        for setting, mine, theirs in pairs:
            assert mine.shape == theirs.shape
            assert mine.size
            apart = np.abs(mine.astype(np.float64) - theirs)
            same = np.count_nonzero(apart <= within)
            assert same >= 0.999 * apart.size, f"{same / apart.size:.4%} in {setting}"
            settings, pixels, equal = settings + 1, pixels + apart.size, equal + same
            furthest = max(furthest, float(apart.max()))
        row = oracle, ours, settings, pixels, within, equal / pixels, furthest
        request.config.stash[_LOG].attacked.append(Attacked(*row))

    return compare


@pytest.fixture
def reached(
    request: pytest.FixtureRequest,
) -> Callable[[str, str, str, float, float], None]:
    """Note ``(oracle, ours, what, theirs, ours)``, what two attacks reached."""

    def note(oracle: str, ours: str, what: str, theirs: float, mine: float) -> None:
        row = (oracle, ours, what, theirs, mine)
        request.config.stash[_LOG].reached.append(row)

    return note


def _fail_if_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    if REQUIRED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may skip: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    collected = {item.path for item in session.items}
    everything = (
        collected >= set(FOLDER.glob("test_*.py"))
        and not config.option.keyword
        and not any("::" in argument for argument in config.args)
    )
    if REQUIRED and everything and exitstatus == pytest.ExitCode.OK:
        LOG.write_text(config.stash[_LOG].markdown(), encoding="utf-8")
