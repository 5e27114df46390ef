"""``fedrobust run``: one experiment, or with -m every combination of values.

Hydra's own entry point creates folders before a configuration is checked, and exits
with status 1. Here every configuration is composed and checked first. Then Hydra
launches the single job, or all jobs of a multirun by the configured launcher.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hydra.types import RunMode
from omegaconf import OmegaConf

from fedrobust.commands.launch import answer, run_all, run_one
from fedrobust.commands.progress import Progress
from fedrobust.commands.report import show_report
from fedrobust.config import Config
from fedrobust.config.compose import (
    checked,
    compose_run,
    compose_sweep,
    number_job,
    resolved_folder,
    sweep_folder,
)
from fedrobust.errors import ConfigError, exits_refused, tell
from fedrobust.record.folder import RunFolder

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
        return _dry_run([(folder, config)])
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
    folder, jobs = _jobs(flags)
    # The folder is passed resolved, as Hydra would evaluate ${now:...} a second time.
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    others = [a for a in flags.overrides if a.partition("=")[0] != "hydra.sweep.dir"]
    overrides = [f"hydra.sweep.dir='{quoted}'", *others]
    configs = [config for _, config in jobs]
    _check_folders(folder, [subfolder for subfolder, _ in jobs], configs)
    _notes(sorted({note for config in configs for note in config.notes}))
    placed = [(folder / subfolder, config) for subfolder, config in jobs]
    if is_dry:
        return _dry_run(placed)
    runs = [RunFolder(path, config) for path, config in placed]
    if is_fresh:
        # Before the first job, as jobs that differ in the evaluation share a folder.
        for run in runs:
            run.clear()
    Progress.total = len(configs)
    with exits_refused():
        status = run_all(overrides, arguments, flags.config_dir)
    _tell_failures(runs)
    # Results of an earlier sweep in the same folder alone do not cause a report.
    if any(run.failure() is None and run.result_path.is_file() for run in runs):
        show_report([folder], digests={config.digest for config in configs})
    return status


def _jobs(flags: argparse.Namespace) -> tuple[Path, list[tuple[Path, Config]]]:
    """Compose and check every combination of a multirun.

    Returns
    -------
    The folder of the multirun; for each job, its folder below that, and its
    configuration.

    Raises
    ------
    ConfigError
        When a combination is wrong, or there is none.
    """
    keys = {o.lstrip("+~").partition("=")[0] for o in flags.overrides}
    if "hydra.run.dir" in keys:
        raise ConfigError(
            "hydra.run.dir is the folder of one run: with -m use hydra.sweep.dir"
        )
    jobs: list[tuple[Path, Config]] = []
    folders = set[Path]()
    for combination, composed in compose_sweep(flags.overrides, flags.config_dir):
        try:
            config = checked(composed, flags.config_dir)
            folder, subfolder = _folders(composed, len(jobs), config.digest)
        except ConfigError as error:
            raise ConfigError(f"{error} (in {' '.join(combination)})") from error
        jobs.append((subfolder, config))
        folders.add(folder)
    if not jobs:
        raise ConfigError(
            f"{' '.join(flags.overrides)}: there is no combination, as a pattern "
            "matches no choice"
        )
    if len(folders) > 1:
        raise ConfigError(
            "hydra.sweep.dir must be one folder for all combinations: put what "
            "differs into hydra.sweep.subdir"
        )
    (folder,) = folders
    if "hydra.sweep.dir" not in keys and str(folder) == "multirun":
        folder = Path(sweep_folder(flags.overrides))
    return folder, jobs


def _tell_failures(runs: list[RunFolder]) -> None:
    """Report every failed run if there are several, as Hydra reports only the first."""
    failed = {run: reason for run in runs if (reason := run.failure()) is not None}
    if len(failed) > 1:
        tell(f"{len(failed)} of {len(runs)} runs failed")
        for run, reason in failed.items():
            name = Progress.name_of(run.config, None, 0)
            tell(f"{name} failed: {reason} ({run.error_path})")


def _folders(composed: Any, number: int, digest: str) -> tuple[Path, Path]:
    """Return the folder of a multirun, and the folder of a job below it."""
    number_job(composed, number)
    return (
        resolved_folder(composed, "hydra.sweep.dir", digest),
        resolved_folder(composed, "hydra.sweep.subdir", digest),
    )


def _check_folders(folder: Path, subfolders: list[Path], configs: list[Config]) -> None:
    """Refuse folders of other runs, and one folder for two different combinations."""
    digests: dict[Path, str] = {}
    for config, subfolder in zip(configs, subfolders, strict=True):
        RunFolder(folder / subfolder, config).check("hydra.sweep.dir")
        if digests.setdefault(subfolder, config.digest) != config.digest:
            raise ConfigError(
                f"hydra.sweep.subdir={subfolder}: two combinations would share this "
                "folder; leave the key out to give each its own"
            )


def _dry_run(runs: list[tuple[Path, Config]]) -> int:
    """Print each run with its folder, and whether it is finished."""
    left = 0
    for number, (path, config) in enumerate(runs):
        is_finished = RunFolder(path, config).result() is not None
        left += not is_finished
        name = Progress.name_of(config, number if len(runs) > 1 else None, len(runs))
        print(f"{name}: {path}{'  (finished)' if is_finished else ''}")
    count = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    print(f"{count}, {left} to do; nothing was run")
    return 0
