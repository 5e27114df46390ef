"""Finished runs together, and the runs that failed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from fedrobust.api.runs import Run
from fedrobust.errors import RunFailedError

if TYPE_CHECKING:
    pass


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
