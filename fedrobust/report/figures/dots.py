"""All attacks on each rule in one line: how far it falls, and under which attack."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.figures.layout import cut, wrapped
from fedrobust.report.figures.marking import marked
from fedrobust.report.rule_attack_grid import RuleAttackGrid
from fedrobust.report.style import PAGE, PALETTE, styled

GOOD, BAD, OTHER = PALETTE[0], PALETTE[1], "#9aa0a8"


@styled
def draw_dots(grid: RuleAttackGrid) -> Figure:
    """Draw a row for each rule, the best worst case on top.

    Each attack is a grey dot, the worst one a diamond, whose name stands at the right;
    a ring is the accuracy without an attacker.
    """
    sign = 1 if grid.attacker_gains else -1
    worst = np.where(np.isnan(grid.worst), np.inf, sign * grid.worst)
    order = np.argsort(worst, kind="stable")
    height = 0.19 * len(order) + 0.9
    figure = Figure(figsize=(PAGE, height), layout="constrained")
    place: Any = figure.subplots()
    for y, row in enumerate(order):
        values = 100 * grid.values[row, grid.attacked]
        place.plot(values, np.full(len(values), y), "o", color=OTHER, markersize=3,
                   alpha=0.8)  # fmt: skip
        free = 100 * grid.without_attacker[row]
        place.plot(free, y, "o", markerfacecolor="none", color=GOOD, markersize=6)
        end = 100 * grid.worst[row]
        if not np.isnan(end):
            place.plot(end, y, "D", color=BAD, markersize=5)
            # Beside the panel, a name hides no dot.
            text = cut(grid.worst_attacks[row]) + marked(grid.worst_marks[row])
            place.annotate(text, (1, y), (4, 0), fontsize=7, va="center",
                           xycoords=place.get_yaxis_transform(),
                           textcoords="offset points")  # fmt: skip
    place.set_yticks(range(len(order)), [cut(grid.strategies[row]) for row in order])
    place.set_ylim(len(order) - 0.4, -0.6)
    place.set_xlim(-2, 102)
    place.grid()
    words = "◆ worst attack, named at the right, · others, ○ no attacker"
    place.set_xlabel(wrapped(f"{grid.title} (%): {words}", 90))
    if grid.setting:
        place.set_title(wrapped(grid.setting, 90))
    return figure
