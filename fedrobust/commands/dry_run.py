"""``fedrobust run --dry-run``: which runs are left, and how long they will take."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fedrobust.commands.lines import WIDTH, counted, cut_middle, duration
from fedrobust.config import Config
from fedrobust.record.estimate import Planned, costs_below, estimate
from fedrobust.record.folder import RunFolder

# Where runs go unless a folder is named.
USUAL = ("outputs", "multirun")
# Columns of a name whose folder's path is long, as paths are never cut.
SHORTEST_NAME = 24


def dry_run(
    folder: Path, runs: Sequence[tuple[Path, Config]], names: Sequence[str]
) -> None:
    """Print each run with its folder and whether it is finished, then the total.

    Parameters
    ----------
    folder
        The folder of the command.
    runs, names
        Folder, configuration and name of each run.
    """
    stores = [RunFolder(path, config) for path, config in runs]
    left = []
    for store, name in zip(stores, names, strict=True):
        is_finished = store.result() is not None
        if not is_finished:
            left.append(store)
        where = f": {store.path}{'  (finished)' if is_finished else ''}"
        width = max(WIDTH - len(where), SHORTEST_NAME)
        print(f"{cut_middle(name, width)}{where}")
    done = len(stores) - len(left)
    counts = f"{counted(len(stores), 'run')}: {done} finished, {len(left)} to run"
    print(f"{counts}{_time_needed(folder, left)}")


def _time_needed(folder: Path, left: Sequence[RunFolder]) -> str:
    """Return the estimated duration as the end of a sentence."""
    if not left:
        return ""
    here = costs_below(folder)
    elsewhere = costs_below(*(Path(name) for name in USUAL))
    seconds, unknown = estimate(_planned(left), here, elsewhere)
    if unknown == len(left):
        return ", no estimate: no run like these has finished"
    others = f" without {unknown} like which none has finished" if unknown else ""
    return f", about {duration(seconds)}{others}"


def _planned(stores: Sequence[RunFolder]) -> Iterator[Planned]:
    """Yield the runs to do; a job trains the model of all later ones in its folder."""
    trained = {store.path for store in stores if store.is_trained}
    for store in stores:
        config = store.config
        yield Planned(config.choices, config.num_rounds, store.path in trained)
        trained.add(store.path)
