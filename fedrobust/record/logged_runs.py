"""tracking.json of a run folder: where the run is logged, so that it is logged once."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from fedrobust.files import read_json, to_json, write_atomically
from fedrobust.record.validation import from_json


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """The run in a sink.

    Attributes
    ----------
    address
        ``Tracking.address``.
    evaluation_digest
        The evaluation whose result is logged.
    id
        ``Tracker.id``.
    is_complete
        Whether the result is logged.
    """

    address: str
    evaluation_digest: str
    id: str = ""
    is_complete: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Address and evaluation, which occur together once."""
        return self.address, self.evaluation_digest


@dataclass(frozen=True, kw_only=True)
class LoggedRuns:
    """The content of tracking.json."""

    runs: list[LoggedRun] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file; empty if there is none.

        Raises
        ------
        FileError
            When the file cannot be read, or has another content.
        """
        if not path.is_file():
            return cls()
        advice = "remove it, and the run is logged once more"
        return from_json(cls, read_json(path, advice), path, advice)

    def write(self, path: Path) -> None:
        """Write the file."""
        write_atomically(path, to_json(asdict(self), indent=2) + "\n")

    def find(self, address: str, evaluation_digest: str) -> LoggedRun | None:
        """Return the run at an address; None if it was never logged there."""
        key = address, evaluation_digest
        return next((run for run in self.runs if run.key == key), None)

    def including(self, run: LoggedRun) -> Self:
        """Return the runs with this one, which replaces the one of the same key."""
        others = [each for each in self.runs if each.key != run.key]
        return replace(self, runs=[*others, run])
