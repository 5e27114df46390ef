"""Figures: defence × attack, and accuracy against epsilon."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.groups import Figure as Measure
from fedrobust.report.groups import Runs, clean_accuracy, worst_accuracy_at
from fedrobust.report.markup import plain_figure_text
from fedrobust.report.panels import COLOURS, Panel, draw_panels, save_figure
from fedrobust.report.rule_attack_grid import (
    AXES,
    DOUBTFUL,
    RuleAttackGrid,
    choices,
    grids,
)

# With more lines, bands of spread would overlap, and the legend would hide lines.
MOST_LINES = 8
FIGURES = ("heatmap.png", "epsilon.png")


def draw_figures(runs: Runs, folder: Path) -> list[Path]:
    """Draw the figures that the runs allow.

    Returns
    -------
    The files that were written.
    """
    drawn: dict[str, Figure | None] = dict.fromkeys(FIGURES)
    # Runs that differ in more ways have no common axes.
    if len(set(runs.columns) - set(AXES)) <= 2:
        if found := grids(runs):
            drawn["heatmap.png"] = heat_map(found)
        if runs.epsilons:
            drawn["epsilon.png"] = epsilon_curves(runs)
    for name, figure in drawn.items():
        if figure is None:
            # A figure of an earlier report would show other runs.
            (folder / name).unlink(missing_ok=True)
        else:
            save_figure(figure, folder / name)
    return [folder / name for name, figure in drawn.items() if figure is not None]


@plain_figure_text
def heat_map(found: Sequence[RuleAttackGrid]) -> Figure:
    """Draw a panel for each grid: strategies down, attacks across, the worst case last.

    Each figure of the runs has a line of panels, one for each kind of training.
    """
    lines: dict[str, list[Panel]] = {}
    for grid in found:
        panel = Panel(
            title=f"{grid.training} training\n{grid.title}",
            values=np.column_stack([grid.values, grid.worst]),
            columns=[*grid.attacks, "worst"],
            rows=grid.strategies,
            split=len(grid.attacks),
            rising=grid.attacker_gains,
            starred=np.column_stack([grid.doubtful, grid.worst_is_doubtful]),
        )
        lines.setdefault(grid.title, []).append(panel)
    columns = max(len(grid.attacks) for grid in found) + 1
    figure = draw_panels(list(lines.values()), cell=0.95 if columns < 8 else 0.5)
    if any(grid.doubtful.any() for grid in found):
        figure.supxlabel(DOUBTFUL, fontsize=8)
    return figure


@plain_figure_text
def epsilon_curves(runs: Runs) -> Figure:
    """Draw accuracy against epsilon, with one line for each kind of training.

    Only the first strategy and the first Byzantine attack are drawn, which is none if
    there are runs without an attacker.
    """
    strategy, byzantine = choices(runs, "strategy")[0], choices(runs, "byzantine")[0]
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    x = [0.0, *map(float, runs.epsilons)]
    chosen = (strategy, byzantine)
    lines = [
        group
        for group in runs.groups
        if (group.choices.get("strategy"), group.choices.get("byzantine")) == chosen
    ]
    measures: list[Measure] = [clean_accuracy, *map(worst_accuracy_at, runs.epsilons)]
    is_crowded = len(lines) > MOST_LINES
    shades = iter(mpl.colormaps["turbo"](np.linspace(0.05, 0.95, len(lines))))
    for group in lines:
        # numpy writes None as nan.
        y = np.array([group.mean(measure) for measure in measures], float)
        error = np.array([group.std(measure) or 0.0 for measure in measures])
        training = group.choices.get("training", "")
        extra = [v for k, v in group.labels.items() if k not in AXES]
        label = " ".join([training, "training", *extra])
        colour = COLOURS.get(training) if not extra else None
        if is_crowded:
            colour = next(shades)
        (drawn,) = axes.plot(x, 100 * y, marker="o", label=label, color=colour)
        if not is_crowded:
            axes.fill_between(
                x,
                100 * (y - error),
                100 * (y + error),
                alpha=0.2,
                color=drawn.get_color(),
                linewidth=0,
            )
    axes.set_xlabel("ε of the evasion attack (input units; 0 is clean)")
    axes.set_ylabel("accuracy in percent, worst over attacks")
    axes.set_title(f"{strategy}, Byzantine attack: {byzantine}", fontsize=10)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    if is_crowded:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    else:
        axes.legend()
    return figure
