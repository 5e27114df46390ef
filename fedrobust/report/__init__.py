"""Reports: what a folder of runs says, as tables and figures."""

from fedrobust.report.collect import Cell, MissingResultsError, Runs, collect
from fedrobust.report.figures import draw_figures
from fedrobust.report.tables import markdown, terminal_table, write_csv

__all__ = [
    "Cell",
    "MissingResultsError",
    "Runs",
    "collect",
    "draw_figures",
    "markdown",
    "terminal_table",
    "write_csv",
]
