"""index.csv in the folder of a multirun: which folder belongs to which values.

One row for each job: its folder, the keys that vary in the sweep, the seed, and the
digests of training and evaluation. A sweep that is continued with more combinations
adds rows and columns, and keeps the rows of earlier jobs.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from fedrobust.config.jobs import Jobs
from fedrobust.config.names import SEED, value_of, values_of
from fedrobust.errors import FileError, tell
from fedrobust.files import (
    Json,
    locked,
    read_text,
    unreadable,
    write_atomically,
    writing,
)
from fedrobust.record.escape import guarded, unguarded
from fedrobust.record.stored_run import StoredRun

INDEX = "index.csv"
# Held while a process changes the index; another sweep may use the same folder.
LOCK = ".index.lock"
FIXED = ("folder", SEED, "digest", "evaluation_digest")
ADVICE = "remove it; the next fedrobust run -m in this folder writes it anew"


@dataclass(frozen=True)
class IndexedJob:
    """A job of a sweep.

    Attributes
    ----------
    folder
        Its folder, below that of the sweep.
    seed, digest, evaluation_digest
        What names the job beside its values.
    values
        The values of the other keys that vary in its sweep.
    config
        The resolved configuration, if it is known; the values of more keys are read
        from it.
    """

    folder: str
    seed: str
    digest: str
    evaluation_digest: str
    values: Mapping[str, str]
    config: Json = field(default_factory=dict, compare=False, repr=False)


def labels_of(jobs: Sequence[IndexedJob]) -> list[dict[str, str]]:
    """Return the values that distinguish each job of one index."""
    has_seeds = len({job.seed for job in jobs}) > 1
    return [
        {**job.values, SEED: job.seed}
        if has_seeds or not job.values
        else dict(job.values)
        for job in jobs
    ]


def read_index(folder: Path) -> list[IndexedJob]:
    """Read the index of a multirun; empty if there is none.

    Raises
    ------
    FileError
        When the file cannot be read, or lacks a column, or a row is cut off.
    """
    path = folder / INDEX
    if not path.is_file():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path, ADVICE), newline=""))
    try:
        rows = [{k: unguarded(v or "") for k, v in row.items() if k} for row in reader]
    except csv.Error as error:
        raise unreadable(path, error, ADVICE) from error
    missing = [name for name in FIXED if name not in (reader.fieldnames or ())]
    if missing:
        raise FileError(f"{path} has no column {missing[0]}; {ADVICE}")
    for number, row in enumerate(rows, start=1):
        if not (row["folder"] and row["digest"] and row["evaluation_digest"]):
            raise FileError(f"{path}, row {number}, is cut off; {ADVICE}")
    jobs = map(_job, rows)
    return [*{(job.folder, job.evaluation_digest): job for job in jobs}.values()]


def _job(row: dict[str, str]) -> IndexedJob:
    # A key of an earlier sweep that the job does not have is empty.
    values = {key: text for key, text in row.items() if text and key not in FIXED}
    return IndexedJob(
        folder=row["folder"],
        seed=row[SEED],
        digest=row["digest"],
        evaluation_digest=row["evaluation_digest"],
        values=values,
    )


def update_index(folder: Path, sweep: Jobs) -> None:
    """Add the jobs of a sweep to the index in its folder.

    The index never stops a sweep: if it cannot be written, a note says so, and one that
    cannot be read is replaced.
    """
    jobs = _indexed(sweep)
    try:
        before = _known(folder)
        if merged(folder, before, jobs) != before or not (folder / INDEX).is_file():
            with locked(folder / LOCK), writing(folder / INDEX, "the sweep runs on"):
                text = index_text(merged(folder, _known(folder), jobs))
                write_atomically(folder / INDEX, text)
    except FileError as error:
        tell(f"note: {error}")


def _indexed(sweep: Jobs) -> list[IndexedJob]:
    keys = [key for key in sweep.keys if key != SEED]
    found = []
    for (folder, config), words in zip(sweep.jobs, sweep.overrides, strict=True):
        values = asdict(config)
        found.append(
            IndexedJob(
                folder=str(folder),
                seed=str(config.seed),
                digest=config.digest,
                evaluation_digest=config.evaluation_digest,
                values=values_of(values, words, keys),
                config=values,
            )
        )
    return found


def _known(folder: Path) -> list[IndexedJob]:
    try:
        return read_index(folder)
    except FileError as error:
        tell(f"note: {error}")
        return []


def merged(
    folder: Path, before: Sequence[IndexedJob], jobs: Sequence[IndexedJob]
) -> list[IndexedJob]:
    """Return the jobs of the index and new ones, all with the values of the same keys.

    Parameters
    ----------
    folder
        The folder of the multirun, in whose runs the values of earlier jobs are read.
    before, jobs
        The jobs of the index, and the new ones.
    """
    found = {(job.folder, job.evaluation_digest): job for job in before}
    for job in jobs:
        found[job.folder, job.evaluation_digest] = job
    keys = dict.fromkeys(key for job in [*before, *jobs] for key in job.values)
    return [_with_keys(folder, job, list(keys)) for job in found.values()]


def _with_keys(folder: Path, job: IndexedJob, keys: Sequence[str]) -> IndexedJob:
    """Return a job with values for all keys that its configuration has."""
    config = job.config
    if not config and any(key not in job.values for key in keys):
        # A job that has not started has no configuration yet.
        with suppress(FileError):
            config = StoredRun(folder / job.folder).config("") or {}
    values = {key: job.values.get(key) or value_of(config, key) or "" for key in keys}
    return replace(job, values={k: v for k, v in values.items() if v})


def index_text(jobs: Sequence[IndexedJob]) -> str:
    """Return the content of index.csv."""
    keys = dict.fromkeys(key for job in jobs for key in job.values)
    folder, *others = FIXED
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([folder, *(key for key in keys if key not in FIXED), *others])
    for job in jobs:
        values = [job.values.get(key, "") for key in keys if key not in FIXED]
        fixed = [getattr(job, name) for name in others]
        writer.writerow([*map(guarded, [job.folder, *values, *fixed])])
    return text.getvalue()
