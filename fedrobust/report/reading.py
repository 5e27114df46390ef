"""Read every run below a folder; a file that cannot be read is only left out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fedrobust.errors import FileError
from fedrobust.files import Json, read_json
from fedrobust.record.attempt import FailedAttempt
from fedrobust.record.result import Result
from fedrobust.record.stored_run import StoredRun
from fedrobust.report.finished_run import ADVICE


@dataclass(frozen=True)
class FoundRun:
    """A run that was found.

    Attributes
    ----------
    path
        The folder of the run.
    config
        The resolved configuration.
    results
        The results that count, starting with that of the latest call; empty if the run
        is not finished.
    """

    path: Path
    config: Json
    results: list[Result]


@dataclass
class Found:
    """The content of a folder of runs.

    Attributes
    ----------
    runs
        The runs, in the order of their folders.
    failed
        The folder and the reason of each failed attempt.
    unreadable
        A sentence about each file that cannot be read.
    """

    runs: list[FoundRun] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_runs(folders: Sequence[Path], digests: Collection[str] | None = None) -> Found:
    """Read every run below some folders.

    Parameters
    ----------
    folders
        Folders of a run, or of several runs.
    digests
        Digests of the experiments to read; None reads all.
    """
    found = Found()
    refused = _attempts(folders, digests, found)
    for path in _below(folders, "config.yaml"):
        stored = StoredRun(path.parent)
        try:
            config = stored.config(ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
            continue
        is_wanted = config is not None and (
            digests is None or config["config_digest"] in digests
        )
        if config is not None and is_wanted:
            excluded = refused.get(stored.path, set())
            results = list(_evaluations(stored, excluded, found))
            found.runs.append(FoundRun(stored.path, config, results))
    return found


def _below(folders: Sequence[Path], pattern: str) -> list[Path]:
    """List files in and below folders, each once."""
    return list(
        dict.fromkeys(
            path for folder in folders for path in sorted(folder.rglob(pattern))
        )
    )


def _attempts(
    folders: Sequence[Path], digests: Collection[str] | None, found: Found
) -> dict[Path, set[str]]:
    """Read the records of failed attempts.

    Returns
    -------
    The evaluations whose results do not count because the data have changed since, by
    the folder of the run. After any other failure, results still count.
    """
    refused: dict[Path, set[str]] = {}
    for path in _below(folders, "error-*.json"):
        try:
            attempt = FailedAttempt.read(path, ADVICE)
        except FileError as torn:
            found.unreadable.append(str(torn))
            continue
        refused.setdefault(path.parent, set()).update(attempt.refused_results)
        if digests is None or attempt.config_digest in digests:
            found.failed.append(f"{path.parent} ({attempt.error})")
    return refused


def _evaluations(
    stored: StoredRun, refused: Collection[str], found: Found
) -> Iterator[Result]:
    """Yield the results of a run that count, starting with that of the latest call."""
    results: list[tuple[Json, Result]] = []
    for path in stored.evaluation_paths():
        try:
            text = read_json(path, ADVICE)
            result = Result.from_json(text, path, ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
            continue
        if not {path.stem, result.evaluation_digest} & set(refused):
            results.append((text, result))
    if stored.result_path.is_file():
        try:
            latest = read_json(stored.result_path, ADVICE)
        except FileError as error:
            found.unreadable.append(str(error))
        else:
            results.sort(key=lambda each: each[0] != latest)
    for _, result in results:
        yield result
