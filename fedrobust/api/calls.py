"""``run``, ``sweep`` and ``load``: experiments from Python, as from the command line.

They leave the same folders with the same digests as ``fedrobust run``, so either may
continue what the other began. Calls of several threads take turns.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from hydra.types import RunMode

from fedrobust.api.arguments import (
    Folder,
    check_words,
    chosen_folder,
    existing,
    refuse_command_keys,
    refuse_several,
)
from fedrobust.api.execute import OnRound, execute, failed_run
from fedrobust.api.process import as_guest
from fedrobust.api.runs import Run, run_in
from fedrobust.api.sweeps import FailedRun, Sweep
from fedrobust.commands.progress import Job
from fedrobust.config.compose import checked, compose_run, resolved_folder
from fedrobust.config.jobs import plan_jobs
from fedrobust.errors import ConfigError, FileError
from fedrobust.record.attempt import FailedAttempt
from fedrobust.record.folder import RunFolder
from fedrobust.record.sweep_index import update_index


def run(
    *overrides: str,
    folder: Folder = None,
    config_dir: Folder = None,
    fresh: bool = False,
    progress: OnRound = True,
) -> Run:
    """Run one experiment, or return the finished one.

    Parameters
    ----------
    overrides
        As on the command line, one each: ``"strategy=krum"``, ``"seed=3"``.
    folder
        Where the run goes; None means ``outputs/<digest>``, as for the command.
    config_dir
        A folder with your own configuration: ``config_dir/strategy/mine.yaml``.
    fresh
        Whether to remove the files of an earlier run, and to train again.
    progress
        True shows each round as the command does, False nothing; or a function that is
        called with each :class:`fedrobust.record.round_row.RoundRow`.

    Returns
    -------
    The finished run.

    Raises
    ------
    ConfigError
        For a mistake in an override or in a file that it names, in one sentence.
    RunFailedError
        When the run cannot go on.

    Examples
    --------
    >>> import fedrobust
    >>> found = fedrobust.run("strategy=krum", "num_byzantine=2", "byzantine=sign_flip")
    >>> found.clean_accuracy, found.rounds, found.model()
    """
    check_words(overrides)
    with as_guest():
        refuse_several(overrides)
        extra_dir = existing(config_dir)
        composed = compose_run(overrides, extra_dir)
        if composed.hydra.mode == RunMode.MULTIRUN:
            raise ConfigError("hydra.mode is MULTIRUN: use fedrobust.sweep")
        refuse_command_keys(composed)
        config = checked(composed, extra_dir)
        key = "hydra.run.dir"
        path = chosen_folder(folder, overrides, key)
        if path is None:
            path = resolved_folder(composed, key, config.digest)
        store = RunFolder(path.absolute(), config)
        store.check(key if folder is None else "folder")
        _warn(config.notes)
        if fresh:
            store.clear()
        result = execute(store, progress)
        _warn(text for text in result.warnings if text not in config.notes)
        return run_in(store.path, result)


def sweep(
    *overrides: str,
    folder: Folder = None,
    config_dir: Folder = None,
    fresh: bool = False,
    progress: OnRound = True,
) -> Sweep:
    """Run every combination of comma-separated values, one after the other.

    A run that fails does not stop the others: a warning says so, and ``failed`` of the
    sweep has the reasons. A sweep that is repeated runs only what is not finished.

    Parameters
    ----------
    overrides
        As on the command line with ``-m``: ``"strategy=krum,median"``, ``"seed=0,1"``.
    folder
        Where the runs go, each in a folder of its own; None means
        ``multirun/<digest of the overrides>``, as for the command.
    config_dir, fresh, progress
        As for ``run``.

    Returns
    -------
    The finished runs in the order of the combinations, and those that failed.

    Raises
    ------
    ConfigError
        For a mistake in any combination, before the first one runs.

    Examples
    --------
    >>> found = fedrobust.sweep("strategy=fedavg,krum", "seed=0,1", folder="rules")
    >>> found.frame, found.failed
    """
    check_words(overrides)
    with as_guest():
        jobs = plan_jobs(overrides, existing(config_dir), refuse_command_keys)
        chosen = chosen_folder(folder, overrides, "hydra.sweep.dir") or jobs.folder
        jobs = replace(jobs, folder=chosen.absolute())
        stores = [RunFolder(path, config) for path, config in jobs.placed]
        for store in stores:
            store.check("hydra.sweep.dir" if folder is None else "folder")
        _warn(jobs.notes)
        if fresh:
            for store in stores:
                store.clear()
        update_index(jobs.folder, jobs)
        runs, failed = [], []
        for number, store in enumerate(stores):
            job = Job(number, len(stores), jobs.names[number])
            try:
                result = execute(store, progress, job, jobs.folder)
                runs.append(run_in(store.path, result))
            except Exception as error:
                failed.append(failed_run(store, error))
        told = {text for found in runs for text in found.result.warnings}
        _warn(sorted(told.difference(jobs.notes)))
        _warn_of_failures(failed, len(stores))
        return Sweep(jobs.folder, runs, failed)


def load(folder: str | PathLike[str]) -> Sweep:
    """Read every finished run below a folder.

    Parameters
    ----------
    folder
        The folder of a run, or of several runs.

    Returns
    -------
    The finished runs in the order of a report; the folder of a run gives one.

    Raises
    ------
    ConfigError
        When there is no such folder, or no finished run in it.
    """
    # Imported late, as reports need matplotlib.
    from fedrobust.report.collect import MissingResultsError, collect

    below = Path(folder).absolute()
    if not below.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    try:
        found = collect(below)
    except MissingResultsError as error:
        raise ConfigError(str(error)) from error
    runs = [Run(run) for group in found.groups for run in group.runs]
    failed = [
        FailedRun(path.parent, _recorded_reason(path))
        for path in sorted(below.rglob("error-*.json"))
    ]
    _warn(found.unreadable)
    _warn(f"{path} is unfinished" for path in found.unfinished)
    _warn_of_failures(failed, len(failed) + len(runs))
    return Sweep(below, runs, failed)


def _recorded_reason(path: Path) -> str:
    try:
        return FailedAttempt.read(path, "remove it").error
    except FileError as torn:
        return str(torn)


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        warnings.warn(text, stacklevel=3)


def _warn_of_failures(failed: Sequence[FailedRun], total: int) -> None:
    if failed:
        reasons = "; ".join(sorted({run.reason for run in failed}))
        warnings.warn(
            f"{len(failed)} of {total} runs failed, see failed: {reasons}", stacklevel=3
        )
