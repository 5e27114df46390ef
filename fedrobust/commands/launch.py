"""Handing a checked command over to Hydra, and the job that Hydra launches.

``hydra.main`` would compose the configuration again. A single run is therefore passed
to Hydra's ``run_job`` as it was composed and checked, and a multirun to Hydra's sweeper
with a loader that reuses what its jobs have in common.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_sweeper import BasicSweeperConf
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log, run_job
from hydra.errors import CompactHydraException, HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedrobust.commands.faults import describe
from fedrobust.commands.progress import Job, Progress
from fedrobust.commands.streams import outlive_readers
from fedrobust.config.compose import (
    CONFIG,
    config_dir,
    loader_in,
    register_resolvers,
)
from fedrobust.config.hydra_errors import explain
from fedrobust.config.load import load_once
from fedrobust.config.names import job_name
from fedrobust.errors import REFUSED, ConfigError, RunFailedError, tell
from fedrobust.record.result import Result


@dataclass(frozen=True)
class Sweep:
    """What each job of a multirun knows of the others, in any process.

    Attributes
    ----------
    keys
        The keys that vary.
    total
        The number of jobs.
    table
        The process that draws the table of all jobs; None if none does.
    """

    keys: tuple[str, ...]
    total: int
    table: int | None = None


class JobFailedError(CompactHydraException):
    """A job of a multirun failed; the message is one sentence."""


def run_one(composed: DictConfig, arguments: list[str]) -> int:
    """Run a composed and checked configuration like ``hydra.main``.

    Parameters
    ----------
    composed
        The configuration, the node ``hydra`` included.
    arguments
        The arguments of the command line.

    Returns
    -------
    The exit status, 0.

    Raises
    ------
    ConfigError
        When Hydra itself refuses the command.
    SystemExit
        With the exit status, when the run failed.
    """
    hydra_node = composed.hydra
    OmegaConf.set_readonly(hydra_node, False)
    if hydra_node.mode is None:
        hydra_node.mode = RunMode.RUN
        hydra_node.overrides.hydra.append("hydra.mode=RUN")
    with _hydra_for(arguments, None) as started:
        configure_log(hydra_node.hydra_logging, hydra_node.verbose)
        callbacks = Callbacks(composed)
        callbacks.on_run_start(config=composed, config_name=CONFIG)
        done = run_job(
            hydra_context=HydraContext(started.config_loader, callbacks),
            task_function=job,
            config=composed,
            job_dir_key="hydra.run.dir",
            job_subdir_key=None,
        )
        callbacks.on_run_end(config=composed, config_name=CONFIG, job_return=done)
        _ = done.return_value  # raises the exception of a failed job
    return 0


def run_all(
    overrides: list[str], arguments: list[str], extra_dir: str | None, sweep: Sweep
) -> int:
    """Run all jobs of a checked multirun, by the configured launcher.

    Parameters
    ----------
    overrides
        The overrides of the multirun, including its folder.
    arguments
        The arguments of the command line.
    extra_dir
        A folder with the user's own configuration.
    sweep
        What the jobs have in common.

    Returns
    -------
    The exit status, which is 1 when a job failed.

    Raises
    ------
    ConfigError
        When Hydra itself refuses the command.
    """
    if "hydra.mode=MULTIRUN" not in overrides:
        overrides = [*overrides, "hydra.mode=MULTIRUN"]
    try:
        with _hydra_for(arguments, extra_dir) as started:
            _sweep(started, overrides, partial(job, sweep=sweep))
    except JobFailedError as error:
        tell(str(error))
        return 1
    return 0


def _sweep(started: Hydra, overrides: list[str], task: Callable[[Any], Result]) -> None:
    """Run a multirun as ``Hydra.multirun`` does, without composing jobs in advance."""
    master = started.compose_config(
        CONFIG, overrides, RunMode.MULTIRUN, with_log_configuration=True
    )
    callbacks = Callbacks(master)
    callbacks.on_multirun_start(config=master, config_name=CONFIG)
    sweeper = Plugins.instance().instantiate_sweeper(
        config=master,
        hydra_context=HydraContext(started.config_loader, callbacks),
        task_function=task,
    )
    # Compared by path, as Hydra imports the module of the class a second time.
    if str(master.hydra.sweeper._target_) == BasicSweeperConf._target_:
        # The basic sweeper's jobs have already been composed and checked.
        sweeper.validate_batch_is_legal = _accept  # type: ignore[method-assign]
    sweeper.sweep(arguments=list(master.hydra.overrides.task))
    callbacks.on_multirun_end(config=master, config_name=CONFIG)


def _accept(batch: Any) -> None:
    pass


def answer(arguments: list[str]) -> int:
    """Let Hydra itself answer its flags, such as ``--cfg`` and ``--info``.

    Raises
    ------
    ConfigError
        When Hydra refuses the command.
    """
    register_resolvers()
    with _as_command(arguments), _explained():
        main = hydra.main(
            config_path=str(config_dir()), config_name=CONFIG, version_base="1.3"
        )
        main(job)()
    return 0


@contextmanager
def _hydra_for(arguments: list[str], extra_dir: str | None) -> Iterator[Hydra]:
    """Initialize Hydra, whose global state jobs may use too."""
    register_resolvers()
    started = Hydra("fedrobust", loader_in(extra_dir))
    GlobalHydra.instance().clear()
    GlobalHydra.instance().initialize(started)
    try:
        with _as_command(arguments), _explained():
            yield started
    finally:
        GlobalHydra.instance().clear()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except JobFailedError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error


@contextmanager
def _as_command(arguments: list[str]) -> Iterator[None]:
    """Let Hydra read these arguments, and raise its errors instead of printing them."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["fedrobust run", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        os.environ.pop("HYDRA_FULL_ERROR")
        if full is not None:
            os.environ["HYDRA_FULL_ERROR"] = full


def job(composed: Any, sweep: Sweep | None = None) -> Result:
    """Run one job for Hydra, in the process that its launcher chose."""
    # A launcher may have started this process.
    outlive_readers()
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    config = load_once(composed, settings.runtime.choices)
    place, home = None, None
    if sweep is not None:
        name = job_name(config, settings.overrides.task, sweep.keys)
        place = Job(settings.job.num, sweep.total, name, sweep.table)
        home = Path(settings.sweep.dir)
    try:
        with Progress(config, folder, place) as progress:
            # Within, as it takes seconds.
            from fedrobust.one_run import run

            on_row, on_warning = progress.on_row, progress.on_warning
            result = run(config, folder, on_row, on_warning, sweep=home)
            progress.finish(result)
    except Exception as error:
        is_known = isinstance(error, ConfigError | RunFailedError)
        message = str(error) if is_known else describe(error)
        if sweep is not None:
            # Hydra runs the remaining jobs, then raises this error.
            raise JobFailedError(message) from None
        tell(message)
        status = REFUSED if isinstance(error, ConfigError) else 1
        raise SystemExit(status) from error
    return result
