"""``fedrobust report``: a page, tables and figures of the runs in folders."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from fedrobust.errors import ConfigError
from fedrobust.files import write_atomically, writing
from strategies.transport.text import printable

if TYPE_CHECKING:
    from fedrobust.report.figures import Axes
    from fedrobust.report.groups import Runs

HELP = """usage: fedrobust report FOLDER... [--to FOLDER]
                        [--figure NAME]... [--x KEY] [--y MEASURE] [--hue KEY]
                        [--facet KEY] [--where KEY=VALUE]...

  FOLDER     the folder of a run, or of several runs, such as that of a multirun
  --to       the folder to write to (default: the first FOLDER)

  The command prints a table of the runs, and writes report.html, which opens in any
  browser and needs no network, report.md, report.tex, report.csv and figures/.

  With one of the following options it writes a figure instead, with its caption:

  --figure   a figure of the report by its name, which the page shows under each
             figure; may be repeated
  --x        what is across: a key in which the runs differ, round, epsilon (of the
             evasion attack), or a measure
  --y        what is up: a measure, such as clean_accuracy, robust_accuracy,
             robust_accuracy.pgd.0.1, backdoor_success or macro_f1
  --hue      a key that is shown by colour
  --facet    a key with a panel for each of its values
  --where    use only the runs with this value; may be repeated for other keys

  Examples:

  fedrobust report multirun
  fedrobust report multirun --x num_byzantine --y clean_accuracy --hue strategy
  fedrobust report multirun --x round --y robust_accuracy --where strategy=krum
"""

# A longer table is written to the files of the report, but not printed.
MOST_ROWS = 60
MOST_LINES = 8
MOST_GRIDS = 6
COPY_IT = "copy it to a place where you can write"


def command(arguments: Sequence[str]) -> int:
    """Print and write the report of the runs in folders, or one figure of them."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    options = _parse(arguments)
    folders = [Path(folder) for folder in options.folders]
    to = Path(options.to) if options.to else folders[0]
    axes = _axes(options)
    if axes is None and not options.figure:
        show_report(folders, to)
        return 0
    show_figures(folders, to, axes, options.figure)
    return 0


def show_figures(
    folders: Sequence[Path], to: Path, axes: "Axes | None", names: Sequence[str]
) -> None:
    """Write figures that somebody asked for, and print their captions.

    A caption is also a text file beside its figure, as nothing else holds it.
    """
    from fedrobust.report.notes import problems
    from fedrobust.report.write import (
        FIGURES,
        caption_of,
        chosen_drawings,
        write_figure,
    )

    runs = runs_in(folders)
    for drawing in chosen_drawings(runs, _command(folders, to), axes, names):
        caption = caption_of(drawing, runs)
        print("\n".join(map(printable, caption.split("\n"))))
        with writing(to, COPY_IT):
            files = write_figure(drawing, to)
            text = to / FIGURES / f"{drawing.name}.txt"
            write_atomically(text, f"{caption}\n{drawing.command}\n")
        for path in [text, *reversed(files)]:
            print(path)
    print_some(problems(runs), "problems")


def show_report(
    folders: Sequence[Path], to: Path | None = None, digests: set[str] | None = None
) -> None:
    """Print a table of the runs, and write the report.

    Parameters
    ----------
    folders
        Folders of runs.
    to
        The folder to write to; None means the first of the folders.
    digests
        Digests of the experiments; None means all in the folders.
    """
    from fedrobust.report.notes import footnotes, problems
    from fedrobust.report.rule_attack_grid import grids
    from fedrobust.report.tables import robustness_table, terminal_table
    from fedrobust.report.write import write_report

    to = to or folders[0]
    runs = runs_in(folders, digests)
    terminal = console()
    if len(runs.groups) <= MOST_ROWS:
        terminal.print(terminal_table(runs))
    else:
        print(f"{len(runs.groups)} rows: they are in the files below")
    found = [grid for grid in grids(runs) if len(grid.attacks) > 1]
    for grid in found[:MOST_GRIDS]:
        terminal.print(robustness_table(grid))
    if len(found) > MOST_GRIDS:
        print(f"{len(found) - MOST_GRIDS} more tables are in report.html")
    with writing(to, COPY_IT):
        title = ", ".join(str(folder) for folder in folders)
        written = write_report(runs, to, title, _command(folders, to))
    print_some(footnotes(runs), "footnotes")
    print_some(problems(runs), "problems")
    page, *others = written
    beside = [path for path in others if path.parent == to]
    print(f"{to / 'figures'}: {len(others) - len(beside)} files")
    for path in [*beside, page]:
        print(path)


def print_some(lines: Sequence[str], name: str, page: str = "report.html") -> None:
    """Print the first of several lines, and where the others are."""
    for line in lines[:MOST_LINES]:
        print(printable(line))
    if len(lines) > MOST_LINES:
        print(f"{len(lines) - MOST_LINES} more {name} are in {page}")


def runs_in(folders: Sequence[Path], digests: set[str] | None = None) -> "Runs":
    """Collect the runs of folders; raise ConfigError if there are none."""
    from fedrobust.report.collect import MissingResultsError, collect

    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder")
    try:
        return collect(folders, digests)
    except MissingResultsError as error:
        raise ConfigError(str(error)) from error


def console() -> Console:
    """Return a console for standard output; 160 columns wide without a terminal."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"report: {message}; see fedrobust report --help")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="fedrobust report", add_help=False, allow_abbrev=False)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--to")
    parser.add_argument("--figure", action="append", default=[])
    for name in ("x", "y", "hue", "facet"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--where", action="append", default=[])
    return parser.parse_intermixed_args(list(arguments))


def _axes(options: argparse.Namespace) -> "Axes | None":
    """Return the axes that the options choose; None without such options."""
    from fedrobust.report.figures import Axes

    fixed: dict[str, str] = {}
    for option in options.where:
        key, sign, value = option.partition("=")
        if not sign or not key:
            raise ConfigError(
                f"--where {option}: must be KEY=VALUE, such as strategy=krum"
            )
        if key in fixed:
            raise ConfigError(
                f"--where {option}: {key}={fixed[key]} was given before, and a key has "
                "one value: leave one of them out"
            )
        fixed[key] = value
    axes = Axes(options.x, options.y, options.hue, options.facet, fixed)
    if not axes.options():
        return None
    if options.figure:
        raise ConfigError(
            f"--figure {options.figure[0]}: names a figure of the report, so it takes "
            f"no {axes.options()[0]}: leave one of them out"
        )
    if axes.x is None:
        raise ConfigError(
            "--x is missing: name what is across, such as --x round, or a key in which "
            "the runs differ"
        )
    return axes


def _command(folders: Sequence[Path], to: Path) -> str:
    words = ["fedrobust", "report", *map(str, folders)]
    return shlex.join([*words, *([] if to == folders[0] else ["--to", str(to)])])
