"""Reports: tables and figures of the runs in a folder."""

from fedrobust.report.collect import MissingResultsError, collect
from fedrobust.report.epsilon.arrange import (
    NoChoiceError,
    epsilon_matrices,
    find_epsilon,
)
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.epsilon.figures import draw_epsilon_figures
from fedrobust.report.epsilon.page import (
    epsilon_markdown,
    epsilon_note,
    epsilon_tables,
    write_epsilon_csv,
)
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.markup import rich_text
from fedrobust.report.rule_attack_grid import RuleAttackGrid, grids
from fedrobust.report.tables import (
    robustness_table,
    terminal_table,
)

__all__ = [
    "MissingResultsError",
    "NoChoiceError",
    "RuleAttackGrid",
    "Runs",
    "SeedGroup",
    "collect",
    "draw_epsilon_figures",
    "epsilon_markdown",
    "epsilon_matrices",
    "epsilon_note",
    "epsilon_tables",
    "find_epsilon",
    "grids",
    "recommend",
    "rich_text",
    "robustness_table",
    "terminal_table",
    "write_epsilon_csv",
]
