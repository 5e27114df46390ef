"""The command line: ``fedrobust run | attack | ...``. It prints, computes nothing.

Hydra's own entry point would make folders before it knew that a configuration is wrong,
and exit with 1. Here everything is composed and checked first, then handed to Hydra,
which launches one job or all of a multirun with whatever launcher is configured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from fedrobust import __version__
from fedrobust.compose import (
    compose_run,
    compose_sweep,
    config_dir,
    groups,
    register_resolvers,
    sweep_folder,
)
from fedrobust.config import load_config, warnings_about
from fedrobust.errors import ConfigError, RunFailedError, nearest
from fedrobust.progress import Progress
from fedrobust.record import RunFolder

if TYPE_CHECKING:
    from fedrobust.report import Runs

USAGE = """usage: fedrobust COMMAND ...

  run [overrides] [-m]   run one experiment, or with -m every combination of them
  attack --model FILE    attack any Keras model
  list [group]           list the groups of conf/, or the choices of one
  report FOLDER          table and figures of the runs in a folder
  epsilon FOLDER         which training epsilon to choose, from the runs of a sweep
  reproduce NAME         run a published table again, cell by cell, with a verdict

  fedrobust run --help says more. Examples:

  fedrobust run strategy=krum num_byzantine=2 byzantine=sign_flip attack=pgd
  fedrobust run -m strategy=fedavg,krum seed=0,1 num_byzantine=2 byzantine=sign_flip
"""
RUN_HELP = """usage: fedrobust run [overrides] [-m] [--cfg job] [--config-dir FOLDER]

  overrides      key=value, or group=choice; `fedrobust list` shows them
  -m             run every combination of comma-separated values
  --cfg job      print the configuration and run nothing
  --config-dir   a folder with configuration of your own: FOLDER/strategy/mine.yaml

  A run's folder is outputs/<digest of its science>, or hydra.run.dir=FOLDER; with -m
  it is in multirun/, or in hydra.sweep.dir=FOLDER. A finished run typed again returns
  its result at once, so typing a multirun again goes on where it broke off.
"""
EPSILON_HELP = """usage: fedrobust epsilon FOLDER [--at EPSILON]

  FOLDER         of a sweep over training.epsilon, such as the one that
                 fedrobust run -m experiment=epsilon leaves
  --at EPSILON   the threat: recommend for this evaluated epsilon only

  It prints training against test epsilon, what each training costs and gains, and a
  recommendation; and writes epsilon.md, epsilon.csv and two figures into FOLDER.
"""
REFUSED = 2
# A table that is longer is in the report's files only.
MOST_ROWS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give the exit status.

    A mistake of the user's is one sentence on standard error, and status 2.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # As with python -m: a _target_ of the user's is looked for where they are.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    commands = {"run": _run, "attack": _attack, "list": _list, "report": _report,
                "epsilon": _epsilon, "reproduce": _reproduce}  # fmt: skip
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if arguments else REFUSED
    if arguments[0] in ("-V", "--version"):
        print(__version__)
        return 0
    try:
        if arguments[0] not in commands:
            raise ConfigError(
                f"{arguments[0]}: there is no such command, "
                f"{nearest(arguments[0], commands)}"
            )
        return commands[arguments[0]](arguments[1:])
    except ConfigError as error:
        print(f"fedrobust: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("fedrobust: interrupted", file=sys.stderr)
        return 130


# --- run ----------------------------------------------------------------------------


def _run(arguments: list[str]) -> int:
    from hydra._internal.utils import get_args_parser

    if any(a in ("-h", "--help") for a in arguments):
        print(RUN_HELP, end="")
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
    config = load_config(composed)
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
            configs.append(load_config(composed))
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
    if any(folder.rglob("result.json")):
        _show_report(folder, {config.digest for config in configs})
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
            result = run(config, folder, progress.on_row)
            progress.finish(result)
    except (ConfigError, RunFailedError) as error:
        if job is None:
            print(f"fedrobust: {error}", file=sys.stderr)
            status = REFUSED if isinstance(error, ConfigError) else 1
            raise SystemExit(status) from error
        # Hydra goes on with the other jobs, and then prints this without a traceback.
        raise CompactHydraException(f"fedrobust: {error}") from None
    return result


# --- attack --------------------------------------------------------------------------


def _attack(arguments: list[str]) -> int:
    from fedrobust.attack_command import attack_command

    return attack_command(arguments)


# --- reproduce -----------------------------------------------------------------------


def _reproduce(arguments: list[str]) -> int:
    from fedrobust.reproduce import reproduce_command

    return reproduce_command(arguments)


# --- list and report ----------------------------------------------------------------


def _list(arguments: list[str]) -> int:
    found = groups()
    if not arguments:
        for group, choices in found.items():
            print(f"{group:12} {', '.join(choices)}")
        return 0
    for group in arguments:
        if group not in found:
            raise ConfigError(
                f"{group}: there is no such group, {nearest(group, found)}"
            )
        width = max(map(len, found[group]))
        for choice, comment in found[group].items():
            print(f"{choice:{width}}  {comment}")
    return 0


def _report(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError("report needs one folder: fedrobust report FOLDER")
    _show_report(Path(arguments[0]))
    return 0


def _show_report(folder: Path, digests: set[str] | None = None) -> None:
    from fedrobust.report import (
        draw_figures,
        grids,
        markdown,
        robustness_table,
        terminal_table,
        write_csv,
    )

    runs = _runs_in(folder, digests)
    console = _console()
    if len(runs.cells) <= MOST_ROWS:
        console.print(terminal_table(runs))
    else:
        print(f"{len(runs.cells)} rows: they are in the files below")
    for grid in grids(runs):
        if len(grid.attacks) > 1:
            console.print(robustness_table(grid))
    report, table = folder / "report.md", folder / "report.csv"
    report.write_text(markdown(runs), encoding="utf-8")
    write_csv(runs, table)
    for path in [report, table, *draw_figures(runs, folder)]:
        print(path)


def _runs_in(folder: Path, digests: set[str] | None = None) -> "Runs":
    from fedrobust.report import MissingResultsError, collect

    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    try:
        return collect(folder, digests)
    except MissingResultsError as error:
        raise ConfigError(str(error)) from error


def _console() -> Console:
    """Print to the terminal; tables keep their width where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _epsilon(arguments: list[str]) -> int:
    from fedrobust.report import (
        NoChoiceError,
        draw_epsilon_figures,
        epsilon_markdown,
        epsilon_matrices,
        epsilon_note,
        epsilon_tables,
        find_epsilon,
        recommend,
        write_epsilon_csv,
    )

    if any(a in ("-h", "--help") for a in arguments):
        print(EPSILON_HELP, end="")
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse_epsilon  # type: ignore[method-assign]
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at")
    options = parser.parse_intermixed_args(arguments)
    folder = options.folder
    runs = _runs_in(folder)
    try:
        matrices = epsilon_matrices(runs)
    except NoChoiceError as error:
        raise ConfigError(f"{folder}: {error}") from error
    at = None if options.at is None else find_epsilon(options.at, matrices)
    advice = [
        [recommend(matrix, e) for e in ([at] if at else [*matrix.epsilons, None])]
        for matrix in matrices
    ]
    console = _console()
    is_short = sum(len(matrix.rows) for matrix in matrices) <= MOST_ROWS
    for matrix, found in zip(matrices, advice, strict=True):
        for shown in epsilon_tables(matrix) if is_short else [matrix.title]:
            console.print(shown)
        for line in found:
            print(line.text)
    print(epsilon_note(runs, matrices))
    page, table = folder / "epsilon.md", folder / "epsilon.csv"
    try:
        page.write_text(epsilon_markdown(runs, matrices, advice), encoding="utf-8")
        write_epsilon_csv(matrices, table)
        figures = draw_epsilon_figures(matrices, at, folder)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error}; copy it to where you may write"
        ) from error
    for path in [page, table, *figures]:
        print(path)
    return 0


def _refuse_epsilon(message: str) -> NoReturn:
    raise ConfigError(f"epsilon: {message}; say fedrobust epsilon FOLDER --at EPSILON")


if __name__ == "__main__":
    sys.exit(main())
