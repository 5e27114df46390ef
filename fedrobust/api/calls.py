"""``run``, ``sweep`` and ``load``: experiments from Python, as from the command line.

They leave the same folders with the same digests as ``fedrobust run``, so either may
continue what the other began. Calls of several threads take turns.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from fedrobust.api.process import as_guest
from fedrobust.api.runs import Run, run_in
from fedrobust.api.sweeps import FailedRun, Sweep
from fedrobust.config.compose import checked, compose_run, resolved_folder
from fedrobust.config.jobs import plan_jobs
from fedrobust.errors import ConfigError, FileError, RunFailedError, summary_of
from fedrobust.record.attempt import FailedAttempt
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

# True shows what the command shows, False nothing; a function receives each round.
OnRound = bool | Callable[[RoundRow], None]
Folder = str | PathLike[str] | None
# What only the command does, by key: its value when nobody asks for it.
OF_THE_COMMAND: dict[str, object] = {
    "hydra.launcher._target_": "hydra._internal.core_plugins.basic_launcher."
    "BasicLauncher",
    "hydra.sweeper._target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra.callbacks": {},
    "hydra.job.env_set": {},
    "hydra.job.chdir": None,
}


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
    _check_words(overrides)
    with as_guest():
        _refuse_several(overrides)
        extra_dir = _existing(config_dir)
        composed = compose_run(overrides, extra_dir)
        if composed.hydra.mode == RunMode.MULTIRUN:
            raise ConfigError("hydra.mode is MULTIRUN: use fedrobust.sweep")
        _refuse_command_keys(composed)
        config = checked(composed, extra_dir)
        key = "hydra.run.dir"
        path = _chosen(folder, overrides, key)
        if path is None:
            path = resolved_folder(composed, key, config.digest)
        store = RunFolder(path.absolute(), config)
        store.check(key if folder is None else "folder")
        _warn(config.notes)
        if fresh:
            store.clear()
        result = _execute(store, progress)
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
    _check_words(overrides)
    with as_guest():
        jobs = plan_jobs(overrides, _existing(config_dir), _refuse_command_keys)
        below = _chosen(folder, overrides, "hydra.sweep.dir") or jobs.folder
        below = below.absolute()
        stores = [RunFolder(below / part, config) for part, config in jobs.jobs]
        for store in stores:
            store.check("hydra.sweep.dir" if folder is None else "folder")
        _warn(jobs.notes)
        if fresh:
            for store in stores:
                store.clear()
        runs, failed = [], []
        for number, store in enumerate(stores):
            try:
                result = _execute(store, progress, number, len(stores))
                runs.append(run_in(store.path, result))
            except Exception as error:
                failed.append(_failed(store, error))
        told = {text for found in runs for text in found.result.warnings}
        _warn(sorted(told.difference(jobs.notes)))
        _warn_of_failures(failed, len(stores))
        return Sweep(below, runs, failed)


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


def _check_words(overrides: Sequence[object]) -> None:
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(
                f"{word!r}: must be an override as text, such as 'strategy=krum'"
            )


def _refuse_several(overrides: Sequence[str]) -> None:
    """Refuse several values; the message of the command would name its flag -m."""
    with suppress(OverrideParseException):  # composing explains it
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            if override.is_sweep_override():
                raise ConfigError(
                    f"{override.input_line}: must be one value: use fedrobust.sweep "
                    f"to run each, or write [...] for one list"
                )


def _refuse_command_keys(composed: DictConfig) -> None:
    """Refuse keys that only the command heeds, as they would be ignored in silence."""
    for key, usual in OF_THE_COMMAND.items():
        value = OmegaConf.select(composed, key)
        if value != usual and value is not False:
            raise ConfigError(
                f"{key}={value}: works only on the command line: leave it out, or use "
                "fedrobust run there, and read its folder with fedrobust.load"
            )


def _existing(config_dir: Folder) -> str | None:
    if config_dir is not None and not Path(config_dir).is_dir():
        raise ConfigError(f"config_dir={str(config_dir)!r}: there is no such folder")
    return None if config_dir is None else str(config_dir)


def _chosen(folder: Folder, overrides: Sequence[str], key: str) -> Path | None:
    """Return the folder that the caller named; refuse one that is named twice."""
    if folder is None:
        return None
    if any(word.lstrip("+~").partition("=")[0] == key for word in overrides):
        raise ConfigError(f"folder={str(folder)!r} and {key}: leave one of them out")
    return Path(folder)


def _execute(
    store: RunFolder, progress: OnRound, number: int | None = None, total: int = 0
) -> Result:
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


def _failed(store: RunFolder, error: Exception) -> FailedRun:
    """Record a failure in the run's folder, which a run that did not begin lacks."""
    with suppress(OSError):
        store.path.mkdir(parents=True, exist_ok=True)
    store.note_failure(error)
    is_known = isinstance(error, ConfigError | RunFailedError)
    reason = "" if is_known else f"{type(error).__name__}: "
    return FailedRun(store.path, f"{reason}{summary_of(error)}", error)


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        warnings.warn(text, stacklevel=3)


def _warn_of_failures(failed: Sequence[FailedRun], total: int) -> None:
    if failed:
        reasons = "; ".join(sorted({run.reason for run in failed}))
        warnings.warn(
            f"{len(failed)} of {total} runs failed, see failed: {reasons}", stacklevel=3
        )
