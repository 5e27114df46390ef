"""Reports: tables and figures of the runs in a folder."""

from fedrobust.report.collect import MissingResultsError, collect
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.rule_attack_grid import RuleAttackGrid, grids
from fedrobust.report.tables import robustness_table, terminal_table

__all__ = [
    "MissingResultsError",
    "RuleAttackGrid",
    "Runs",
    "SeedGroup",
    "collect",
    "grids",
    "robustness_table",
    "terminal_table",
]
