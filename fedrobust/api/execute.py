"""Execute one run for a call from Python, and record why it failed."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fedrobust.api.sweeps import FailedRun
from fedrobust.commands.progress import Job, Progress
from fedrobust.errors import summary_of
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

# True shows what the command shows, False nothing; a function receives each round.
OnRound = bool | Callable[[RoundRow], None]


def execute(
    store: RunFolder,
    progress: OnRound,
    job: Job | None = None,
    sweep: Path | None = None,
) -> Result:
    """Run, and show it if asked.

    ``job`` is the place of the run in a sweep, and ``sweep`` the folder of that.
    """
    # Imported late, as TensorFlow and Flower take seconds to load.
    from fedrobust.one_run import run

    config, path = store.config, store.path
    if callable(progress):
        return run(config, path, progress, sweep=sweep)
    if not progress:
        return run(config, path, sweep=sweep)
    with Progress(config, path, job) as shown:
        result = run(config, path, shown.on_row, shown.on_warning, sweep=sweep)
        shown.finish(result)
    return result


def failed_run(store: RunFolder, error: Exception) -> FailedRun:
    """Record a failure in the run's folder, which a run that did not begin lacks."""
    with suppress(OSError):
        store.path.mkdir(parents=True, exist_ok=True)
    store.note_failure(error)
    return FailedRun(store.path, store.failure() or summary_of(error), error)
