"""``fedrobust report``: table and figures of the runs in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from fedrobust.errors import ConfigError
from fedrobust.files import write_atomically, writing
from strategies.transport.text import printable

if TYPE_CHECKING:
    from fedrobust.report import Runs

HELP = """usage: fedrobust report FOLDER

  FOLDER   the folder of a run, or of several runs, such as that of a multirun

  The command prints a table of the runs, and writes report.md, report.csv and figures
  into the folder.
"""

# A longer table is written to the files of the report, but not printed.
MOST_ROWS = 60
MOST_WARNINGS = 8
COPY_IT = "copy it to a place where you can write"


def command(arguments: Sequence[str]) -> int:
    """Print and write the report of the runs in a folder."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError("report needs one folder: fedrobust report FOLDER")
    show_report(Path(arguments[0]))
    return 0


def show_report(folder: Path, digests: set[str] | None = None) -> None:
    """Print a table of the runs, and write report.md, report.csv and figures."""
    from fedrobust.report import (
        draw_figures,
        grids,
        markdown,
        robustness_table,
        terminal_table,
        warnings_of,
        write_csv,
    )

    runs = runs_in(folder, digests)
    terminal = console()
    if len(runs.groups) <= MOST_ROWS:
        terminal.print(terminal_table(runs))
    else:
        print(f"{len(runs.groups)} rows: they are in the files below")
    for grid in grids(runs):
        if len(grid.attacks) > 1:
            terminal.print(robustness_table(grid))
    warned = warnings_of(runs)
    for line in warned[:MOST_WARNINGS]:
        print(f"warning: {printable(line)}")
    if len(warned) > MOST_WARNINGS:
        print(f"{len(warned) - MOST_WARNINGS} more warnings are in report.md")
    report, table = folder / "report.md", folder / "report.csv"
    with writing(folder, COPY_IT):
        write_atomically(report, markdown(runs))
        write_csv(runs, table)
        figures = draw_figures(runs, folder)
    for path in [report, table, *figures]:
        print(path)


def runs_in(folder: Path, digests: set[str] | None = None) -> "Runs":
    """Collect the runs of a folder; raise ConfigError if there are none."""
    from fedrobust.report import MissingResultsError, collect

    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    try:
        return collect(folder, digests)
    except MissingResultsError as error:
        raise ConfigError(str(error)) from error


def console() -> Console:
    """Return a console for standard output; 160 columns wide without a terminal."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)
