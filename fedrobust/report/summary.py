"""Sentences that answer what a sweep was run for, from the numbers of its tables.

They name the highest and the lowest mean, and claim no difference: whether chance
explains one is what intervals show.
"""

from collections.abc import Sequence

import numpy as np

from fedrobust.report.columns import number
from fedrobust.report.groups import Runs
from fedrobust.report.marks import raised
from fedrobust.report.rule_attack_grid import RuleAttackGrid


def summary(runs: Runs, grids: Sequence[RuleAttackGrid]) -> list[str]:
    """Return what holds for every run, and the ends of each grid."""
    lines = [f"All runs: {sentence}." for sentence in runs.marks.common]
    return [*lines, *filter(None, map(_ends, grids))]


def _ends(grid: RuleAttackGrid) -> str:
    """Return the rules with the best and the worst worst case of a grid."""
    known = np.flatnonzero(~np.isnan(grid.worst))
    if len(known) < 2 or len(grid.attacked) < 2:
        return ""
    sign = -1 if grid.attacker_gains else 1
    order = known[np.argsort(-sign * grid.worst[known], kind="stable")]
    best, last = (_worst(grid, int(row)) for row in order[[0, -1]])
    where = f" ({grid.setting})" if grid.setting else ""
    high, low = ("lowest", "highest") if grid.attacker_gains else ("highest", "lowest")
    return (
        f"{grid.title[:1].upper()}{grid.title[1:]} under the worst attack{where}: "
        f"{high} with {best}, {low} with {last}."
        + (f" {grid.worst_over_seeds}" if grid.worst_over_seeds else "")
    )


def _worst(grid: RuleAttackGrid, row: int) -> str:
    value = f"{number(float(grid.worst[row]))} %{raised(grid.worst_marks[row])}"
    return f"{grid.strategies[row]}, {value} ({grid.worst_attacks[row]})"
