"""Why an attempt at an evaluation failed: error-<evaluation digest>.json."""

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
    """An attempt at an evaluation that failed; earlier versions left some fields out.

    Attributes
    ----------
    config_digest, evaluation_digest
        Of the experiment, and of how it was to be evaluated.
    error
        The reason, as one sentence.
    refused_results
        Digests of the evaluations whose results do not count, because the data are
        others than they were made with.
    traceback
        Lines of it.
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
            When the file cannot be read, or holds something else.
        """
        return from_json(cls, read_json(path, advice), path, advice)

    def write(self, path: Path) -> None:
        """Write it; an OSError is the caller's."""
        write_atomically(path, to_json(asdict(self), indent=2) + "\n")


def failed_attempt(
    error: Exception, digest: str, evaluation_digests: tuple[str, ...], before: Path
) -> FailedAttempt:
    """Return what is kept of an error.

    Parameters
    ----------
    error
        The exception that ended the attempt.
    digest, evaluation_digests
        Of the experiment and its evaluation, whose newest digest comes first.
    before
        File of the previous attempt. An attempt that fails before it can compare the
        data does not know better, so the results that were refused stay refused.
    """
    reason = f"{type(error).__name__}: {summary_of(error)}"
    refused: list[str] = []
    if isinstance(error, OtherDataError):
        refused = list(evaluation_digests)
    else:
        with suppress(FileError):
            refused = FailedAttempt.read(before, "").refused_results
    return FailedAttempt(
        config_digest=digest,
        evaluation_digest=evaluation_digests[0],
        error=str(error) if isinstance(error, ConfigError) else reason,
        refused_results=refused,
        traceback=traceback.format_exception(error),
    )
