"""How far a run is, from the files in its folder alone."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from statistics import fmean

from fedrobust.errors import FileError
from fedrobust.files import is_held, unreadable
from fedrobust.record.attempt import FailedAttempt
from fedrobust.record.ownership import LOCK
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.validation import EVALUATE_ANEW, TRAIN_ANEW, from_json

FINISHED, RUNNING, STOPPED = "finished", "running", "stopped"
FAILED, NOT_STARTED = "failed", "not started"
# In the order in which totals name them.
KINDS = (FINISHED, RUNNING, STOPPED, FAILED, NOT_STARTED)
# The number of rounds whose duration estimates that of the rounds to come.
LATEST = 20
OTHER_FOLDER = "make it readable, or name another folder"

Curves = dict[str, dict[str, float]]


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes
    ----------
    kind
        One of ``KINDS``. A run is stopped if no process works on it, although it has
        begun and has neither finished nor failed.
    round, num_rounds
        The latest recorded round, 0 before the first, and the number of rounds; None
        for a number that is not recorded yet.
    clean, robust
        The latest accuracies, as in result.json.
    out
        Number of quarantined and of failed clients in the latest round.
    seconds
        Duration of a finished run, or of the recorded rounds.
    left
        Estimated seconds until the last round of a running run; None if unknown.
    reason
        Why the run failed, as one sentence.
    """

    kind: str
    round: int = 0
    num_rounds: int | None = None
    clean: float | None = None
    robust: Curves | None = None
    out: int = 0
    seconds: float | None = None
    left: float | None = None
    reason: str = ""


def read_state(path: Path, evaluation_digest: str = "") -> RunState:
    """Return the state of a run; no file is written or locked.

    Parameters
    ----------
    path
        The folder of the run.
    evaluation_digest
        The evaluation that is asked for, as jobs that differ only in the evaluation
        share a folder. If it is empty, the latest evaluation counts.
    """
    try:
        return _state(StoredRun(path), evaluation_digest)
    except FileError as error:
        return RunState(FAILED, reason=str(error))
    except (OSError, ValueError) as error:
        return RunState(FAILED, reason=str(unreadable(path, error, OTHER_FOLDER)))


def _state(stored: StoredRun, evaluation_digest: str) -> RunState:
    path = stored.path
    failure = _failure(path, evaluation_digest)
    result = _result(stored, evaluation_digest)
    if result is not None and failure is None:
        return _finished(result)
    if is_held(path / LOCK):
        return _begun(stored, RUNNING)
    if failure is not None:
        return _begun(stored, FAILED, failure)
    if _was_begun(stored, evaluation_digest):
        return _begun(stored, STOPPED)
    return RunState(NOT_STARTED)


def _was_begun(stored: StoredRun, evaluation_digest: str) -> bool:
    """Return whether an attempt at the training, or at its own evaluation, was made.

    A model that another job has trained leaves this job's evaluation to do.
    """
    if not stored.is_trained:
        return stored.config_path.is_file()
    recorded = stored.training().evaluation_digest
    return not evaluation_digest or evaluation_digest == recorded


def _result(stored: StoredRun, evaluation_digest: str) -> Result | None:
    if not stored.is_trained:
        return None
    if evaluation_digest:
        is_done = stored.is_finished(evaluation_digest)
        return stored.result(evaluation_digest) if is_done else None
    return stored.result() if stored.result_path.is_file() else None


def _failure(path: Path, evaluation_digest: str) -> str | None:
    """Return why the latest attempt failed; None if it did not."""
    records = sorted(
        path.glob(f"error-{evaluation_digest or '*'}.json"),
        key=_modified,
    )
    if not records:
        return None
    if not evaluation_digest and _modified(path / "result.json") > _modified(
        records[-1]
    ):
        return None
    try:
        return FailedAttempt.read(records[-1], "remove it").error
    except FileError as error:
        return str(error)


def _modified(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _finished(result: Result) -> RunState:
    return RunState(
        FINISHED,
        round=result.num_rounds,
        num_rounds=result.num_rounds,
        clean=result.clean_accuracy,
        robust=result.robust_accuracy,
        seconds=result.wall_seconds,
    )


def _begun(stored: StoredRun, kind: str, reason: str = "") -> RunState:
    """Return the state of a run that is not finished, from its recorded rounds."""
    num_rounds = _num_rounds(stored)
    latest = _latest_rows(stored.metrics_path)
    rows = list(islice(latest, LATEST))
    if not rows:
        return RunState(kind, num_rounds=num_rounds, reason=reason)
    last = rows[0]
    every = chain(rows, latest)
    scored = next((r for r in every if r.clean_accuracy is not None), None)
    # The first round says nothing about the others, because most of it is compilation.
    later = [_seconds(row) for row in rows if row.round > 1]
    to_do = max((num_rounds or last.round) - last.round, 0)
    is_known = kind == RUNNING and (later or to_do == 0)
    return RunState(
        kind,
        round=last.round,
        num_rounds=num_rounds,
        clean=scored.clean_accuracy if scored else None,
        robust=scored.robust_accuracy if scored else None,
        out=last.quarantined + last.failed,
        seconds=fmean(later) * last.round if later else _seconds(last),
        left=to_do * fmean(later or [0.0]) if is_known else None,
        reason=reason,
    )


def _seconds(row: RoundRow) -> float:
    return row.train_seconds + row.aggregate_seconds + row.evaluate_seconds


def _num_rounds(stored: StoredRun) -> int | None:
    """Return the number of rounds; None while the configuration is not readable."""
    with suppress(FileError):
        found = (stored.config(TRAIN_ANEW) or {}).get("num_rounds")
        return found if isinstance(found, int) else None
    return None


def _latest_rows(path: Path) -> Iterator[RoundRow]:
    """Yield the rows of metrics.jsonl from the last, without one that is torn."""
    try:
        lines: Sequence[str] = path.read_text("utf-8", "replace").split("\n")
    except OSError:
        return
    for line in reversed(lines):
        try:
            found = json.loads(line)
            yield from_json(RoundRow, found, path, EVALUATE_ANEW)
        except (ValueError, RecursionError, AttributeError, TypeError, FileError):
            continue
