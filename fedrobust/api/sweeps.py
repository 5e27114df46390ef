"""Finished runs together, and the runs that failed."""

import html
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from fedrobust.api.runs import Run
from fedrobust.errors import ConfigError, RunFailedError
from fedrobust.files import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from fedrobust.report.finished_run import FinishedRun
    from fedrobust.report.groups import Runs


@dataclass(frozen=True)
class FailedRun:
    """A run that failed.

    Attributes
    ----------
    folder
        Its folder, which may not exist.
    reason
        Why, as one sentence.
    error
        What was raised; None if the failure was read from the folder.
    """

    folder: Path
    reason: str
    error: Exception | None = None


class Sweep(Sequence[Run]):
    """Finished runs.

    Parameters
    ----------
    folder
        The folder of all the runs.
    runs
        The finished runs.
    failed
        The runs that failed.
    """

    def __init__(
        self, folder: Path, runs: Iterable[Run], failed: Iterable[FailedRun] = ()
    ) -> None:
        self.folder = folder
        self.failed = tuple(failed)
        self._runs = tuple(runs)

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> "Sweep": ...
    def __getitem__(self, index: int | slice) -> "Run | Sweep":
        """Return a run, or for a slice a sweep of its runs."""
        if isinstance(index, slice):
            return Sweep(self.folder, self._runs[index])
        return self._runs[index]

    @property
    def frame(self) -> "DataFrame":
        """One row a run, in their order: the keys in which they differ, and measures.

        A key is numeric if all of its values are numbers. ``robust_accuracy`` is that
        under all attacks together, at the middle one of the epsilons; each attack at
        each epsilon has a column of its own.
        """
        from fedrobust.report.frame import runs_frame

        grouped = self._grouped
        rows = [id(run) for group in grouped.groups for run in group.runs]
        order = [rows.index(id(run)) for run in self._distinct]
        frame = runs_frame(grouped).iloc[order].reset_index(drop=True)
        return _with_numbers(frame, grouped)

    @property
    def rounds(self) -> "DataFrame":
        """One row a round of each run, with the keys and measures of ``frame``."""
        from fedrobust.report.frame import rounds_frame

        grouped = self._grouped
        return _with_numbers(rounds_frame(grouped), grouped)

    def figure(
        self,
        x: str | None = None,
        y: str | None = None,
        hue: str | None = None,
        facet: str | None = None,
        where: Mapping[str, object] | None = None,
    ) -> "Figure":
        """Draw a measure over a key, with means and intervals over seeds.

        Parameters
        ----------
        x
            A key in which the runs differ, ``round``, ``epsilon`` of the evasion
            attack, or a measure; None draws the first figure of the report.
        y
            A measure, such as ``robust_accuracy`` or ``robust_accuracy.pgd.0.1``.
        hue, facet
            The keys that are shown by colour, and by a panel for each value.
        where
            Draw only the runs with these values, by key.

        Returns
        -------
        The figure, which a notebook shows.

        Raises
        ------
        ConfigError
            When a name is unknown, or the runs also differ in another key.
        """
        from fedrobust.api.figures import figure_of
        from fedrobust.report.figures import Axes

        fixed = {key: str(value) for key, value in (where or {}).items()}
        axes = Axes(x, y, hue, facet, fixed)
        return figure_of(self._grouped, axes, f"fedrobust report {self.folder}")

    def report(self, to: str | PathLike[str] | None = None) -> list[Path]:
        """Write the report of the runs, as ``fedrobust report`` does.

        Parameters
        ----------
        to
            The folder to write to; None means the folder of the sweep.

        Returns
        -------
        The written files, the HTML page first.
        """
        from fedrobust.report.write import write_report

        runs, folder = self._grouped, self.folder if to is None else Path(to)
        command = shlex.join(["fedrobust", "report", str(self.folder)])
        with writing(folder, "choose another folder: report(to=...)"):
            folder.mkdir(parents=True, exist_ok=True)
            return write_report(runs, folder, str(self.folder), command)

    @property
    def _distinct(self) -> list["FinishedRun"]:
        """The evaluations, without those that equal overrides name twice."""
        return [
            *{
                (r.result.config_digest, r.result.evaluation_digest): r.finished
                for r in self
            }.values()
        ]

    @property
    def _grouped(self) -> "Runs":
        from fedrobust.report.collect import grouped
        from fedrobust.report.reading import Found

        if not self._runs:
            raise ConfigError(f"{self.folder}: no run is finished")
        failed = [f"{run.folder} ({run.reason})" for run in self.failed]
        return grouped(self._distinct, Found(failed=failed))

    def raise_failed(self) -> None:
        """Raise an error if a run failed.

        Raises
        ------
        RunFailedError
            With the folder and the reason of each; caused by the first one's error.
        """
        if self.failed:
            reasons = "; ".join(f"{run.folder}: {run.reason}" for run in self.failed)
            total = len(self.failed) + len(self)
            raise RunFailedError(
                f"{len(self.failed)} of {total} runs failed: {reasons}"
            ) from self.failed[0].error

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"<Sweep: {len(self)} finished{failed}; {self.folder}>"

    def _repr_html_(self) -> str:
        shown = self.frame.drop(columns="folder").to_html() if self._runs else ""
        return f"<p><code>{html.escape(repr(self))}</code></p>{shown}"


def _with_numbers(frame: "DataFrame", runs: "Runs") -> "DataFrame":
    """Return a frame in which a key whose values are all numbers is numeric."""
    import pandas as pd

    from fedrobust.report.frame import varying_keys

    found = {}
    for key in varying_keys(runs):
        # A choice may be called "nan" or "inf", which are numbers to pandas.
        with suppress(ValueError):
            numbers = pd.to_numeric(frame[key])
            if np.isfinite(numbers).all():
                found[key] = numbers
    return frame.assign(**found)
