"""A failed attempt at an evaluation, recorded in error-<evaluation digest>.json."""

import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from fedrobust.errors import ConfigError, FileError, OtherDataError, summary_of
from fedrobust.files import read_json, to_json, write_atomically
from fedrobust.record.validation import from_json


@dataclass(frozen=True, kw_only=True)
class FailedAttempt:
    """A failed attempt at an evaluation; earlier versions did not record all fields.

    Attributes
    ----------
    config_digest, evaluation_digest
        Digests of the experiment and of its evaluation.
    error
        The reason, as one sentence.
    refused_results
        Digests of evaluations whose results do not count, because the data have changed
        since.
    traceback
        Lines of the traceback.
    """

    config_digest: str = ""
    evaluation_digest: str = ""
    error: str = ""
    refused_results: list[str] = field(default_factory=list)
    traceback: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, advice: str) -> Self:
        """Read an attempt.

        Raises
        ------
        FileError
            When the file cannot be read, or has another content.
        """
        return from_json(cls, read_json(path, advice), path, advice)

    def write(self, path: Path) -> None:
        """Write the attempt to a file; the caller handles an OSError."""
        write_atomically(path, to_json(asdict(self), indent=2) + "\n")


def failed_attempt(
    error: Exception, digest: str, evaluation_digest: str, before: Path
) -> FailedAttempt:
    """Return the record of an error.

    Parameters
    ----------
    error
        The exception that ended the attempt.
    digest, evaluation_digest
        Digests of the experiment and of its evaluation.
    before
        File of the previous attempt. Results that it refused stay refused if this
        attempt failed before it could compare the data.
    """
    reason = f"{type(error).__name__}: {summary_of(error)}"
    refused: list[str] = []
    if isinstance(error, OtherDataError):
        refused = [evaluation_digest]
    else:
        with suppress(FileError):
            refused = FailedAttempt.read(before, "").refused_results
    return FailedAttempt(
        config_digest=digest,
        evaluation_digest=evaluation_digest,
        error=str(error) if isinstance(error, ConfigError) else reason,
        refused_results=refused,
        traceback=traceback.format_exception(error),
    )
