"""``fedrobust watch``: how far the runs in a folder are, from their files alone."""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from fedrobust.commands.lines import counted
from fedrobust.commands.run_table import (
    ShownRun,
    States,
    is_interactive,
    live_table,
    run_lines,
    total_line,
    width_of,
)
from fedrobust.config.names import SEED, name_of
from fedrobust.errors import ConfigError, FileError
from fedrobust.files import Json, is_held
from fedrobust.record.ownership import LOCK
from fedrobust.record.run_state import FAILED, FINISHED
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.sweep_index import INDEX, labels_of, read_index
from fedrobust.signals import Terminated
from strategies.transport.text import printable

HELP = """usage: fedrobust watch FOLDER [--once]

  FOLDER    the folder of a run, of a multirun, or of several of them
  --once    print the state once, and do not wait

  The command shows how far each run is, its accuracies so far, and the time left. It
  only reads files, so it may be used anywhere that sees the folder. On a terminal it
  looks again every two seconds, until all runs have finished or failed, or Ctrl-C.
"""
ONCE = "--once"
# Seconds between two looks.
PAUSE = 2.0
# Failures whose reasons are printed in full.
MOST_REASONS = 5


def command(arguments: Sequence[str]) -> int:
    """Show the runs in a folder."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    folders = [a for a in arguments if a != ONCE]
    if len(folders) != 1 or folders[0].startswith("-"):
        raise ConfigError("watch needs one folder: fedrobust watch FOLDER [--once]")
    folder = Path(folders[0])
    states, console = States(runs_in(folder)), Console()
    if is_interactive(console) and ONCE not in arguments:
        _follow(states, console)
    _show(states, console)
    return 0


def runs_in(folder: Path) -> list[ShownRun]:
    """List the runs below a folder: those of every index.csv, then the others.

    Raises
    ------
    ConfigError
        When there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    runs = _indexed(folder)
    runs += _unindexed(_configs(folder, {run.path for run in runs}))
    if not runs:
        raise ConfigError(
            f"no run in {folder}: must be the folder of a run or of a multirun"
        )
    return runs


def _indexed(folder: Path) -> list[ShownRun]:
    """List the jobs of each index; one that cannot be read is left out."""
    runs = []
    paths = sorted(folder.rglob(INDEX))
    for path in paths:
        with suppress(FileError):
            jobs = read_index(path.parent)
            where = f"{path.parent.name}: " if len(paths) > 1 else ""
            for job, label in zip(jobs, labels_of(jobs), strict=True):
                name = where + name_of(label)
                run = path.parent / job.folder
                runs.append(ShownRun(run, name, job.evaluation_digest))
    return runs


def _configs(folder: Path, known: Collection[Path]) -> dict[Path, Json]:
    """Find the other folders of a run, or of one that is about to begin.

    Returns
    -------
    The configuration of each; empty if there is none, or it cannot be read.
    """
    found: dict[Path, Json] = {}
    for path in sorted(folder.rglob("config.yaml")):
        if path.parent in known:
            continue
        with suppress(FileError):
            if (config := StoredRun(path.parent).config("")) is not None:
                found[path.parent] = config
            continue
        found[path.parent] = {}
    begun = [path for path in folder.rglob(LOCK) if is_held(path)]
    for path in [*begun, *folder.rglob("error-*.json")]:
        if path.parent not in known:
            found.setdefault(path.parent, {})
    return dict(sorted(found.items()))


def _unindexed(configs: Mapping[Path, Json]) -> list[ShownRun]:
    """Name runs by the keys in which they differ; those without a name by folder."""
    if not configs:
        return []
    # Late, as it imports what draws figures.
    from fedrobust.report.labels import CHOICE, columns_of, labels

    flat = {path: labels(config) for path, config in configs.items() if config}
    columns = columns_of([*flat.values()])
    runs = []
    for path, config in configs.items():
        values = flat.get(path, {})
        shown = {k.removeprefix(CHOICE): values[k] for k in columns if k in values}
        if config:
            shown[SEED] = str(config.get(SEED))
        runs.append(ShownRun(path, name_of(shown) or path.name))
    return runs


def _follow(states: States, console: Console) -> None:
    """Draw the table until every run has finished or failed, or Ctrl-C."""
    try:
        with live_table(states, console, PAUSE):
            while any(s.kind not in (FINISHED, FAILED) for s in states.read(PAUSE)):
                time.sleep(PAUSE)
    except Terminated:
        raise
    except KeyboardInterrupt:
        # It is the way to end the command, so no failure.
        pass


def _show(states: States, console: Console) -> None:
    """Print all runs, the total, and why runs failed."""
    found = states.read()
    for line in run_lines(states.runs, found, width_of(console)):
        console.print(line, highlight=False, crop=False, overflow="ignore")
    failed = [
        (run, state)
        for run, state in zip(states.runs, found, strict=True)
        if state.kind == FAILED
    ]
    for run, state in failed[:MOST_REASONS]:
        _wrapped(console, f"{printable(run.name)} failed: {printable(state.reason)}")
    if len(failed) > MOST_REASONS:
        more = counted(len(failed) - MOST_REASONS, "more failure")
        _wrapped(console, f"{more}: each folder has its reason in error-*.json")
    _wrapped(console, total_line(found))


def _wrapped(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, width=width_of(console))
