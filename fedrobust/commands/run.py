"""``fedrobust run``: one experiment, or with -m every combination of values.

Hydra's own entry point creates folders before a configuration is checked, and exits
with status 1. Here every configuration is composed and checked first. Then Hydra
launches the single job, or all jobs of a multirun by the configured launcher.
"""

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

from hydra.types import RunMode
from omegaconf import OmegaConf
from rich.console import Console

from fedrobust.commands.dry_run import dry_run
from fedrobust.commands.launch import Sweep, answer, run_all, run_one
from fedrobust.commands.report import show_report
from fedrobust.commands.run_table import (
    PAUSE,
    ShownRun,
    States,
    is_interactive,
    live_table,
)
from fedrobust.config.compose import checked, compose_run, resolved_folder
from fedrobust.config.jobs import Jobs, plan_jobs
from fedrobust.config.names import name_of, unusual_choices
from fedrobust.errors import ConfigError, exits_refused, tell
from fedrobust.record.folder import RunFolder
from fedrobust.record.sweep_index import update_index

HELP = """usage: fedrobust run [overrides] [-m] [--dry-run] [--cfg job]
                     [--config-dir FOLDER] [--fresh]

  overrides      key=value, or group=choice; `fedrobust list` shows them
  -m             run every combination of comma-separated values
  --dry-run      check everything, show what would run and where, and run nothing
  --cfg job      print the configuration and run nothing
  --config-dir   a folder with your own configuration: FOLDER/strategy/mine.yaml
  --fresh        remove the files of earlier runs from the folder, and train again

  The folder of a run is outputs/<digest of its science>, or hydra.run.dir=FOLDER; with
  -m it is in multirun/, or in hydra.sweep.dir=FOLDER. The command of a finished run
  returns its result at once, so repeating the command of a multirun continues it.

  To set a key for one choice of a multirun only, write a choice of your own: a file
  FOLDER/byzantine/strong_alie.yaml with these three lines
    defaults:
      - alie
    z: 1.5
  is used by `-m --config-dir FOLDER byzantine=sign_flip,strong_alie`.
"""
DRY_RUN = "--dry-run"
FRESH = "--fresh"


def command(arguments: Sequence[str]) -> int:
    """Run one experiment, or every combination of a multirun."""
    from hydra._internal.utils import get_args_parser

    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    is_dry = DRY_RUN in arguments
    is_fresh = FRESH in arguments
    arguments = [a for a in arguments if a not in (DRY_RUN, FRESH)]
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    flags = parser.parse_intermixed_args(arguments)
    _check_flags(flags)
    # Hydra's parser accepts flags only before the first override or after the last.
    switches = [a for a in arguments if a not in flags.overrides]
    arguments = [*flags.overrides, *switches]
    if flags.info or flags.hydra_help or flags.shell_completion:
        return answer(arguments)
    if flags.multirun or "hydra.mode=MULTIRUN" in flags.overrides:
        return _multirun(arguments, flags, is_dry, is_fresh)
    composed = compose_run(flags.overrides, flags.config_dir)
    config = checked(composed, flags.config_dir)
    if flags.cfg:
        package = (flags.package or "").removeprefix("_global_")
        if package and OmegaConf.select(composed, package) is None:
            raise ConfigError(f"--package {package}: there is no such key")
        return answer(arguments)
    if composed.hydra.mode == RunMode.MULTIRUN:  # set in a file
        return _multirun(arguments, flags, is_dry, is_fresh)
    folder = resolved_folder(composed, "hydra.run.dir", config.digest)
    RunFolder(folder, config).check()
    _notes(config.notes)
    if is_dry:
        dry_run(folder, [(folder, config)], [name_of(unusual_choices(config))])
        return 0
    if is_fresh:
        RunFolder(folder, config).clear()
    return run_one(composed, arguments)


def _check_flags(flags: argparse.Namespace) -> None:
    """Refuse flags of Hydra, or combinations of them, that are not supported."""
    if flags.config_name or flags.config_path or flags.experimental_rerun:
        raise ConfigError(
            "--config-name, --config-path and --experimental-rerun are not supported: "
            "add your own configuration with --config-dir"
        )
    if flags.multirun and flags.cfg:
        raise ConfigError("--cfg shows one configuration: leave out -m")
    if flags.resolve and not flags.cfg:
        raise ConfigError("--resolve: works only together with --cfg: add --cfg job")
    modes = ("run", "multirun", "cfg", "shell_completion", "info")
    given = [f"--{mode}" for mode in modes if getattr(flags, mode)]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)}: must be given one at a time")
    is_query = flags.shell_completion and "COMP_LINE" not in os.environ
    if is_query and any(o.startswith("query=") for o in flags.overrides):
        raise ConfigError(
            "query: is used by the shell only; -sc install=bash prints how to install "
            "shell completion"
        )


def _notes(notes: Iterable[str]) -> None:
    for note in notes:
        tell(f"note: {note}")


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)


def _multirun(
    arguments: list[str], flags: argparse.Namespace, is_dry: bool, is_fresh: bool
) -> int:
    jobs = plan_jobs(flags.overrides, flags.config_dir)
    folder, configs, placed = jobs.folder, jobs.configs, jobs.placed
    # The folder is passed resolved, as Hydra would evaluate ${now:...} a second time.
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    others = [a for a in flags.overrides if a.partition("=")[0] != "hydra.sweep.dir"]
    overrides = [f"hydra.sweep.dir='{quoted}'", *others]
    for path, config in placed:
        RunFolder(path, config).check("hydra.sweep.dir")
    _notes(jobs.notes)
    if is_dry:
        dry_run(folder, placed, _numbered(jobs.names))
        return 0
    runs = [RunFolder(path, config) for path, config in placed]
    if is_fresh:
        # Before the first job, as jobs that differ in the evaluation share a folder.
        for run in runs:
            run.clear()
    update_index(folder, jobs)
    with exits_refused(), _table(jobs) as sweep:
        status = run_all(overrides, arguments, flags.config_dir, sweep)
    _tell_failures(runs, jobs.names)
    # Results of an earlier sweep in the same folder alone do not cause a report.
    if any(run.failure() is None and run.result_path.is_file() for run in runs):
        show_report([folder], digests={config.digest for config in configs})
    return status


@contextmanager
def _table(jobs: Jobs) -> Iterator[Sweep]:
    """Draw the table of all jobs on a terminal; yield what each job knows."""
    console = Console(stderr=True)
    sweep = Sweep(tuple(jobs.keys), len(jobs.jobs))
    if not is_interactive(console):
        yield sweep
        return
    runs = [
        ShownRun(path, name, config.evaluation_digest)
        for (path, config), name in zip(jobs.placed, _numbered(jobs.names), strict=True)
    ]
    with live_table(States(runs), console, PAUSE):
        yield replace(sweep, table=os.getpid())


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"[{i}/{len(names)}] {name}" for i, name in enumerate(names, start=1)]


def _tell_failures(runs: list[RunFolder], names: Sequence[str]) -> None:
    """Report every failed run if there are several, as Hydra reports only the first."""
    failed = [
        (run, name, reason)
        for run, name in zip(runs, names, strict=True)
        if (reason := run.failure()) is not None
    ]
    if len(failed) > 1:
        tell(f"{len(failed)} of {len(runs)} runs failed")
        for run, name, reason in failed:
            tell(f"{name} failed: {reason} ({run.error_path})")
