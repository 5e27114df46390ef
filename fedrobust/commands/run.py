"""``fedrobust run``: one experiment, or with -m every combination of them.

Hydra's own entry point would make folders before it knew that a configuration is wrong,
and exit with 1. Here everything is composed and checked first, then handed to Hydra,
which launches one job or all of a multirun with whatever launcher is configured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from fedrobust.commands.report import show_report
from fedrobust.compose import (
    checked,
    compose_run,
    compose_sweep,
    config_dir,
    register_resolvers,
    sweep_folder,
)
from fedrobust.config import load_config, warnings_about
from fedrobust.errors import REFUSED, ConfigError, RunFailedError
from fedrobust.progress import Progress
from fedrobust.record import RunFolder

HELP = """usage: fedrobust run [overrides] [-m] [--cfg job] [--config-dir FOLDER]

  overrides      key=value, or group=choice; `fedrobust list` shows them
  -m             run every combination of comma-separated values
  --cfg job      print the configuration and run nothing
  --config-dir   a folder with configuration of your own: FOLDER/strategy/mine.yaml

  A run's folder is outputs/<digest of its science>, or hydra.run.dir=FOLDER; with -m
  it is in multirun/, or in hydra.sweep.dir=FOLDER. A finished run typed again returns
  its result at once, so typing a multirun again goes on where it broke off.
"""


def command(arguments: Sequence[str]) -> int:
    """Run one experiment, or every combination of a multirun."""
    from hydra._internal.utils import get_args_parser

    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    flags = parser.parse_intermixed_args(arguments)
    # Hydra's own parser wants every flag before the first override or after the last.
    switches = [a for a in arguments if a not in flags.overrides]
    arguments = [*switches, *flags.overrides]
    if flags.config_name or flags.config_path or flags.experimental_rerun:
        raise ConfigError(
            "--config-name, --config-path and --experimental-rerun are not supported: "
            "add configuration of your own with --config-dir"
        )
    if flags.info or flags.hydra_help or flags.shell_completion:
        return _hydra(arguments, _job)
    if flags.multirun and flags.cfg:
        raise ConfigError("--cfg shows one configuration: leave out -m")
    if flags.multirun:
        return _multirun(arguments, flags)
    composed = compose_run(flags.overrides, flags.config_dir)
    config = checked(composed, flags.config_dir)
    if flags.cfg:
        return _hydra(arguments, _job)
    RunFolder(Path(composed.hydra.run.dir), config).check()
    _notes(warnings_about(config))
    return _hydra(arguments, _job)


def _notes(warnings: list[str]) -> None:
    for warning in warnings:
        print(f"fedrobust: note: {warning}", file=sys.stderr)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)


def _multirun(arguments: list[str], flags: argparse.Namespace) -> int:
    keys = {o.lstrip("+~").partition("=")[0] for o in flags.overrides}
    if "hydra.run.dir" in keys:
        raise ConfigError(
            "hydra.run.dir is the folder of one run: with -m use hydra.sweep.dir"
        )
    configs = []
    subfolders = []
    folder = Path()
    for combination, composed in compose_sweep(flags.overrides, flags.config_dir):
        try:
            configs.append(checked(composed, flags.config_dir))
            folder = Path(composed.hydra.sweep.dir)
            subfolders.append(composed.hydra.sweep.subdir)
        except ConfigError as error:
            raise ConfigError(f"{error} (in {' '.join(combination)})") from error
    if "hydra.sweep.dir" not in keys and str(folder) == "multirun":
        folder = Path(sweep_folder(flags.overrides))
        arguments = [*arguments, f"hydra.sweep.dir={folder}"]
    digests: dict[str, str] = {}
    for config, subfolder in zip(configs, subfolders, strict=True):
        RunFolder(folder / subfolder, config).check("hydra.sweep.dir")
        if digests.setdefault(subfolder, config.digest) != config.digest:
            raise ConfigError(
                f"hydra.sweep.subdir={subfolder}: two combinations would share it; "
                "leave it out, and each has a folder of its own"
            )
    _notes(sorted({note for config in configs for note in warnings_about(config)}))
    Progress.total = len(configs)
    status = _hydra(arguments, _job)
    # Not of an earlier sweep in the same folder.
    if any((folder / subfolder / "result.json").is_file() for subfolder in subfolders):
        show_report(folder, {config.digest for config in configs})
    return status


def _hydra(arguments: list[str], job: Any) -> int:
    """Give the command to Hydra; its exit status is 1 when a job failed."""
    import hydra

    register_resolvers()
    old = sys.argv
    sys.argv = ["fedrobust run", *arguments]
    try:
        hydra.main(config_path=str(config_dir()), config_name="config",
                   version_base="1.3")(job)()  # fmt: skip
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.argv = old
    return 0


def _job(composed: Any) -> dict[str, Any]:
    """Run one job of Hydra's, here or wherever its launcher put it."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import CompactHydraException
    from hydra.types import RunMode

    from fedrobust.run import run

    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    config = load_config(composed, settings.runtime.choices)
    job = settings.job.num if settings.mode == RunMode.MULTIRUN else None
    try:
        with Progress(config, folder, job) as progress:
            result = run(config, folder, progress.on_row, progress.on_warning)
            progress.finish(result)
    except (ConfigError, RunFailedError) as error:
        if job is None:
            print(f"fedrobust: {error}", file=sys.stderr)
            status = REFUSED if isinstance(error, ConfigError) else 1
            raise SystemExit(status) from error
        # Hydra goes on with the other jobs, and then prints this without a traceback.
        raise CompactHydraException(f"fedrobust: {error}") from None
    return result
