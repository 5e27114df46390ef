"""Execute one run for a call from Python, and record why it failed."""

from collections.abc import Callable
from contextlib import suppress

from fedrobust.api.sweeps import FailedRun
from fedrobust.errors import summary_of
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

# True shows what the command shows, False nothing; a function receives each round.
OnRound = bool | Callable[[RoundRow], None]


def execute(
    store: RunFolder, progress: OnRound, number: int | None = None, total: int = 0
) -> Result:
    """Run, and show it if asked; ``number`` is that of a job among ``total``."""
    # Imported late, as TensorFlow and Flower take seconds to load.
    from fedrobust.commands.progress import Progress
    from fedrobust.one_run import run as run_experiment

    if callable(progress):
        return run_experiment(store.config, store.path, progress)
    if not progress:
        return run_experiment(store.config, store.path)
    Progress.total = total
    try:
        with Progress(store.config, store.path, number) as shown:
            result = run_experiment(
                store.config, store.path, shown.on_row, shown.on_warning
            )
            shown.finish(result)
    finally:
        Progress.total = 0
    return result


def failed_run(store: RunFolder, error: Exception) -> FailedRun:
    """Record a failure in the run's folder, which a run that did not begin lacks."""
    with suppress(OSError):
        store.path.mkdir(parents=True, exist_ok=True)
    store.note_failure(error)
    return FailedRun(store.path, store.failure() or summary_of(error), error)
