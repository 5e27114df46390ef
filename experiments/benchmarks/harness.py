"""Two sides of one row, measured in turns.

Each side lives in a process of its own, with its own threads and memory: it prepares
once, warms up once, and then measures whenever it is told to. Which side goes first
alternates, so that what drifts on the machine drifts for both. While one measures the
other is stopped: threads that wait for work by spinning would take its cores.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

REPEATS = 5
PREFIX = "measured:"
Measure = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Side:
    """One competitor.

    Attributes
    ----------
    name
        How it is called in the table.
    target
        ``module:function:argument...`` below ``experiments.benchmarks.rows``; the
        function prepares and returns what measures once and tells ``value`` (lower is
        better) and, optionally, the ``work`` that was done.
    env
        Environment variables of its process.
    """

    name: str
    target: str
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A comparison of sides.

    Attributes
    ----------
    id
        As in results.json.
    work
        What both sides do, in words.
    ours, theirs
        The sides; the ratio is theirs / ours, of theirs the fastest. Without theirs,
        the figure is ours.
    unit
        Of the figures.
    tolerance
        Largest relative difference of each figure of ``work``, by its name; 0 unless
        named.
    must, stretch
        Ratios that were aimed at, for the table.
    fresh
        Each repeat has a process of its own, without a warm-up.
    """

    id: str
    work: str
    ours: Side
    theirs: tuple[Side, ...] = ()
    unit: str = "s"
    tolerance: Mapping[str, float] = field(default_factory=dict)
    must: str = ""
    stretch: str = ""
    fresh: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result of a row: figures of each side, in the order of the repeats."""

    row: Row
    figures: Mapping[str, list[float]]
    work: Mapping[str, Mapping[str, Any]]

    @property
    def ours(self) -> list[float]:
        """Our figures."""
        return self.figures[self.row.ours.name]

    @property
    def fastest(self) -> str | None:
        """Name of the fastest peer."""
        names = [side.name for side in self.row.theirs]
        return min(names, key=lambda n: median(self.figures[n]), default=None)

    @property
    def ratios(self) -> list[float]:
        """The fastest peer over ours for each repeat; ours alone without a peer."""
        if self.fastest is None:
            return self.ours
        theirs = self.figures[self.fastest]
        return [t / o for t, o in zip(theirs, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)


class DifferentWorkError(AssertionError):
    """The two sides did not do the same work."""


def contest(row: Row, repeats: int = REPEATS) -> Outcome:
    """Measure the sides of a row in turns.

    Raises
    ------
    DifferentWorkError
        When they did not do the same work.
    """
    sides = [row.ours, *row.theirs]
    figures: dict[str, list[float]] = {side.name: [] for side in sides}
    work: dict[str, Mapping[str, Any]] = {}
    if row.fresh:
        for _ in range(repeats):
            for side in sides:
                figures[side.name].append(float(once(side)["value"]))
        return Outcome(row, figures, work)
    workers = {side.name: Worker(side) for side in sides}
    try:
        for name, worker in workers.items():
            work[name] = worker.measure().get("work", {})  # warm-up
        _require_same(row, work)
        for repeat in range(repeats):
            for side in sides if repeat % 2 == 0 else sides[::-1]:
                found = workers[side.name].measure()
                figures[side.name].append(float(found["value"]))
                work[side.name] = found.get("work", {})
            _require_same(row, work)
    finally:
        for worker in workers.values():
            worker.stop()
    return Outcome(row, figures, work)


def once(side: Side) -> dict[str, Any]:
    """Measure a side once, in a process of its own."""
    worker = Worker(side)
    try:
        return worker.measure()
    finally:
        worker.stop()


def _require_same(row: Row, work: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare the work that peers report with ours."""
    ours = work[row.ours.name]
    for side in row.theirs:
        theirs = work[side.name]
        if theirs and theirs.keys() != ours.keys():
            raise DifferentWorkError(
                f"{row.id}: {sorted(ours)} are told here and {sorted(theirs)} there"
            )
        for name in theirs:
            a, b = float(ours[name]), float(theirs[name])
            if abs(a - b) > row.tolerance.get(name, 0.0) * max(abs(a), abs(b)):
                raise DifferentWorkError(f"{row.id}: {name} is {a} here and {b} there")


class Worker:
    """The process of a side."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiments.benchmarks.worker", side.target],
            env={**os.environ, "FLWR_TELEMETRY_ENABLED": "0", **side.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self) -> dict[str, Any]:
        """Let the process measure once; it is stopped before and after."""
        self._process.send_signal(signal.SIGCONT)
        try:
            return self._measure()
        finally:
            self._process.send_signal(signal.SIGSTOP)

    def _measure(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        # Peers may print anything; only lines of one form are results.
        for line in self._process.stdout:
            if line.startswith(PREFIX):
                found: dict[str, Any] = json.loads(line.removeprefix(PREFIX))
                return found
        raise RuntimeError(f"{self._side.name} ended: see its messages above")

    def stop(self) -> None:
        """End the process."""
        self._process.send_signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
