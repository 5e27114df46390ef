"""Sends a run to its sink: each round as it happens, or a finished run from its files.

A sink that fails is reported once, and the run goes on without it. If the command is
typed again, the sink gets the whole run from the files.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from fedrobust.config.names import name_of, unusual_choices
from fedrobust.errors import FileError, summary_of, tell
from fedrobust.files import check_writable
from fedrobust.record.folder import RunFolder
from fedrobust.record.logged_runs import LoggedRun, LoggedRuns
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.sweep_index import labels_of, read_index
from fedrobust.record.tracked_values import (
    flat_config,
    result_values,
    round_values,
)
from fedrobust.tracking.base import TrackedRun, Tracker, Tracking
from fedrobust.tracking.worker import Worker

# Seconds to mark a run as failed, less than the grace that Ctrl-C leaves.
FAREWELL = 3.0

T = TypeVar("T")


class RunTracker:
    """Follows a run and sends it to a sink; without a sink it does nothing.

    Parameters
    ----------
    tracking
        The sink, or None.
    folder
        The run folder.
    sweep
        The folder of the sweep; None for a single run.
    """

    def __init__(
        self, tracking: Tracking | None, folder: RunFolder, sweep: Path | None
    ) -> None:
        # None from the moment that the sink has failed.
        self._tracking = tracking
        self._folder = folder
        self._sweep = sweep
        self._worker = Worker()
        self._tracker: Tracker | None = None

    @contextmanager
    def following(self) -> Iterator[None]:
        """End the run in the sink as failed if an exception leaves the context."""
        try:
            yield
        except BaseException as error:
            self._end_failed(is_interrupted=isinstance(error, KeyboardInterrupt))
            raise

    def is_due(self) -> bool:
        """Return whether the sink lacks the run, which is finished."""
        return bool(self._attempt(self._lacks_run))

    def start(self) -> None:
        """Start to log a training, which replaces whatever the folder held."""
        self._attempt(partial(self._open, is_new=True))

    def on_row(self, row: RoundRow) -> None:
        """Log a round."""
        self._attempt(partial(self._log_rounds, [row]))

    def finish(self, result: Result) -> None:
        """Log the result, after the rounds if this call did not train."""
        self._attempt(partial(self._finish, result))

    def _attempt(self, action: Callable[[Tracking], T]) -> T | None:
        """Return what an action returns; if it fails, say so and drop the sink."""
        tracking = self._tracking
        if tracking is None:
            return None
        try:
            return action(tracking)
        except Exception as error:
            # A call that is late says nothing, unlike an error of the same type.
            is_late = isinstance(error, TimeoutError) and not str(error)
            if not is_late:
                self._end_failed(is_interrupted=False)
            self._tracking = self._tracker = None
            name, reason = type(tracking).__name__, _reason(error)
            if is_late:
                reason = f"no answer within {tracking.timeout:g} seconds"
            tell(f"tracking by {name} failed, the run goes on without it: {reason}")
            return None

    def _end_failed(self, is_interrupted: bool) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            # Whatever made the run fail is reported; this would hide it.
            with suppress(Exception):
                end = partial(tracker.fail, is_interrupted)
                self._worker.call(end, FAREWELL)

    def _open(self, tracking: Tracking, is_new: bool = False) -> Tracker:
        config, known = self._folder.config, self._known()
        before = known.find(tracking.address, config.evaluation_digest)
        is_open = before is not None and not before.is_complete
        previous = before.id if before and is_open else ""
        run = TrackedRun(
            name=self._name(),
            folder=self._folder.path,
            sweep=self._sweep,
            config=flat_config(config),
            text=self._folder.stored.config_path.read_text(encoding="utf-8"),
            config_digest=config.digest,
            evaluation_digest=config.evaluation_digest,
            seed=config.seed,
            num_rounds=config.num_rounds,
            previous=previous or None,
        )
        tracker = self._worker.call(partial(tracking.start, run), tracking.timeout)
        self._tracker = tracker
        # Evaluations of an earlier training are gone, and so will be their log.
        self._note(LoggedRuns() if is_new else known, tracking, tracker.id, False)
        return tracker

    def _name(self) -> str:
        """Return what distinguishes the run: in its sweep, or from the defaults."""
        config, path = self._folder.config, self._folder.path.absolute()
        if self._sweep is not None:
            # An index that cannot be read was told when the sweep began.
            with suppress(FileError):
                jobs = read_index(self._sweep)
                for job, label in zip(jobs, labels_of(jobs), strict=True):
                    is_here = (self._sweep / job.folder).absolute() == path
                    if is_here and job.evaluation_digest == config.evaluation_digest:
                        return name_of(label)
        return name_of(unusual_choices(config))

    def _log_rounds(self, rows: list[RoundRow], tracking: Tracking) -> Tracker:
        tracker = self._tracker or self._open(tracking)
        for row in rows:
            log = partial(tracker.log_round, row.round, round_values(row))
            self._worker.call(log, tracking.timeout)
        return tracker

    def _finish(self, result: Result, tracking: Tracking) -> None:
        tracker = self._tracker
        if tracker is None:
            if not self._lacks_run(tracking):
                return
            tracker = self._log_rounds(self._folder.rounds(), tracking)
        end = partial(tracker.finish, result_values(result))
        self._worker.call(end, tracking.timeout)
        self._tracker = None
        self._note(self._known(), tracking, tracker.id, True)

    def _lacks_run(self, tracking: Tracking) -> bool:
        digest = self._folder.config.evaluation_digest
        run = self._known().find(tracking.address, digest)
        if run is not None and run.is_complete:
            return False
        # Otherwise it would be logged each time.
        check_writable(self._folder.path, "hydra.run.dir")
        return True

    def _known(self) -> LoggedRuns:
        return LoggedRuns.read(self._folder.tracking_path)

    def _note(
        self, known: LoggedRuns, tracking: Tracking, id: str, is_complete: bool
    ) -> None:
        run = LoggedRun(
            address=tracking.address,
            evaluation_digest=self._folder.config.evaluation_digest,
            id=id,
            is_complete=is_complete,
        )
        known.including(run).write(self._folder.tracking_path)


def _reason(error: Exception) -> str:
    """Return an error in words; a sink raises the exceptions of other libraries."""
    if isinstance(error, FileError):
        return str(error)
    return f"{type(error).__name__}: {summary_of(error)}"
