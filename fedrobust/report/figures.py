"""Figures: defence × attack, accuracy against epsilon, training against test ε."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.report.collect import ORDER, Runs
from fedrobust.report.epsilons import (
    NOISE,
    STANDARD,
    EpsilonMatrix,
    TrainingRow,
    training_epsilon,
)
from fedrobust.report.robustness import Grid, choices, grids

mpl.use("Agg")

COLOURS = {"standard": "#b2432f", "noise": "#b8912f", "pgd": "#2f6fb2"}
# With more, bands of spread would hide each other, and the legend the lines.
MOST_LINES = 8
OTHER_COLOURS = ["#3a8f5c", "#7d4fa3", "#4d4d4d", "#c25e9a", "#2fa0a8"]


def draw_figures(runs: Runs, folder: Path) -> list[Path]:
    """Draw the figures that the runs allow.

    Returns
    -------
    The files that were written.
    """
    written: list[Path] = []
    others = set(runs.columns) - set(ORDER)
    if len(others) > 2:
        # Runs that differ in so many ways have no common axes.
        return written
    found = grids(runs)
    if found:
        path = folder / "heatmap.png"
        save_figure(heat_map(found), path)
        written.append(path)
    if runs.epsilons:
        path = folder / "epsilon.png"
        save_figure(epsilon_curves(runs), path)
        written.append(path)
    return written


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the same runs give the same file."""
    # Without the version of matplotlib in it.
    figure.savefig(path, dpi=144, metadata={"Software": None})


@dataclass(frozen=True)
class _Panel:
    """A matrix to draw.

    ``split`` is the column before which a white line stands; ``rising`` says that a
    larger figure is better for the attacker; ``axes`` names what is across and down.
    """

    title: str
    values: NDArray[np.float64]
    columns: list[str]
    rows: list[str]
    split: int
    rising: bool = False
    axes: tuple[str, str] = ("", "")


def heat_map(found: Sequence[Grid]) -> Figure:
    """Draw a panel a grid: strategy down, attack across, the worst attack last.

    Panels of one figure stand side by side, a kind of training each.
    """
    lines: dict[str, list[_Panel]] = {}
    for grid in found:
        panel = _Panel(
            title=f"{grid.training} training\n{grid.title}",
            values=np.column_stack([grid.values, grid.worst]),
            columns=[*grid.attacks, "worst"],
            rows=grid.strategies,
            split=len(grid.attacks),
            rising=grid.attacker_gains,
        )
        lines.setdefault(grid.title, []).append(panel)
    columns = max(len(grid.attacks) for grid in found) + 1
    return _panels(list(lines.values()), cell=0.95 if columns < 8 else 0.5)


def _panels(lines: Sequence[Sequence[_Panel]], cell: float) -> Figure:
    """Draw lines of panels, ``cell`` inches a column; those of a line share rows."""
    longest = max(map(len, lines))
    columns = max(len(panel.columns) for line in lines for panel in line)
    heights = [0.36 * len(line[0].rows) + 1.2 for line in lines]
    size = (1.8 + longest * (cell * columns + 0.3), 0.4 + sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(lines), longest, squeeze=False, height_ratios=heights)
    for places, line in zip(axes, lines, strict=True):
        for place in places[len(line) :]:
            place.set_axis_off()
        for place, panel in zip(places, line, strict=False):
            _draw(place, panel, with_names=panel is line[0])
    return figure


def _draw(axes: Any, panel: _Panel, with_names: bool) -> None:
    """Draw one matrix with its numbers in percent."""
    values = panel.values
    colours = "magma_r" if panel.rising else "viridis"
    axes.set_facecolor("lightgrey")  # where there is no number
    axes.imshow(values, vmin=0, vmax=1, cmap=colours, aspect="auto")
    slanted: dict[str, Any] = {}
    if max(map(len, panel.columns)) > 5:
        slanted = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(values.shape[1]), panel.columns, fontsize=8, **slanted)
    names = panel.rows if with_names else [""] * len(panel.rows)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel(panel.axes[0], fontsize=8)
    axes.set_ylabel(panel.axes[1] if with_names else "", fontsize=8)
    axes.axvline(panel.split - 0.5, color="white", linewidth=3)
    for (y, x), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{100 * value:.0f}"
        dark = value > 0.5 if panel.rising else value < 0.6
        colour = "white" if dark else "black"
        axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=7)
    axes.set_title(panel.title, fontsize=9)


def epsilon_curves(runs: Runs) -> Figure:
    """Draw accuracy against epsilon, a line a kind of training, without an attacker.

    Where runs differ in other ways too, it is the first strategy's line.
    """
    strategy, byzantine = choices(runs, "strategy")[0], choices(runs, "byzantine")[0]
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    x = [0.0, *map(float, runs.epsilons)]
    chosen = (strategy, byzantine)
    drawn_cells = [
        cell
        for cell in runs.cells
        if (cell.choices.get("strategy"), cell.choices.get("byzantine")) == chosen
    ]
    is_crowded = len(drawn_cells) > MOST_LINES
    shades = iter(mpl.colormaps["turbo"](np.linspace(0.05, 0.95, len(drawn_cells))))
    for cell in drawn_cells:
        made = cell.choices
        paths = [("clean_accuracy",)]
        curve = [cell.mean(*path) for path in paths]
        spread = [cell.std(*path) for path in paths]
        for epsilon in runs.epsilons:
            curve.append(cell.mean("worst_robust_accuracy", epsilon))
            spread.append(cell.std("worst_robust_accuracy", epsilon))
        y = np.array([np.nan if v is None else v for v in curve])
        error = np.array([0.0 if v is None else v for v in spread])
        training = made.get("training", "")
        extra = [v for k, v in cell.labels.items() if k not in ORDER]
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


def draw_epsilon_figures(
    matrices: Sequence[EpsilonMatrix], at: str | None, folder: Path
) -> list[Path]:
    """Draw the matrices, and what clean accuracy robustness costs.

    Parameters
    ----------
    matrices
        A panel (or line of panels) each.
    at
        Test epsilon of the robust accuracy; None for each matrix's middle one.
    folder
        Where to write.

    Returns
    -------
    The files that were written.
    """
    drawn = {
        "training_epsilon.png": training_heat_map(matrices),
        "clean_against_robust.png": clean_against_robust(matrices, at),
    }
    for name, figure in drawn.items():
        save_figure(figure, folder / name)
    return [folder / name for name in drawn]


def training_heat_map(matrices: Sequence[EpsilonMatrix]) -> Figure:
    """Draw training epsilon down and test epsilon across, a panel a kind of training.

    Kinds share their rows, so that noise and adversarial training at equal epsilon
    stand in one line.
    """
    return _panels([_training_panels(matrix) for matrix in matrices], cell=0.6)


def _training_panels(matrix: EpsilonMatrix) -> list[_Panel]:
    rows = {(row.kind, row.epsilon): row for row in matrix.rows}
    kinds = dict.fromkeys(row.kind for row in matrix.rows if row.kind != STANDARD)
    epsilons = dict.fromkeys(row.epsilon for row in matrix.rows)
    columns = ["clean", *(f"{float(epsilon):.4g}" for epsilon in matrix.epsilons)]
    panels = []
    for kind in kinds:
        line = [rows.get((kind, epsilon)) for epsilon in epsilons]
        if line[0] is None:
            line[0] = rows.get((STANDARD, None))
        missing = np.full(len(columns), np.nan)
        panels.append(
            _Panel(
                title="\n".join(filter(None, [f"{kind} training", matrix.title])),
                values=np.array([missing if r is None else r.accuracy for r in line]),
                columns=columns,
                rows=[training_epsilon(epsilon) for epsilon in epsilons],
                split=1,
                axes=("test ε; accuracy in percent", "training ε"),
            )
        )
    return panels


def clean_against_robust(matrices: Sequence[EpsilonMatrix], at: str | None) -> Figure:
    """Draw a point a row: clean accuracy across, robust accuracy up."""
    columns = min(len(matrices), 3)
    lines = -(-len(matrices) // columns)
    size = (5.6 * columns + 0.4, 4.4 * lines)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(lines, columns, squeeze=False).ravel()
    for place in places[len(matrices) :]:
        place.set_axis_off()
    for place, matrix in zip(places, matrices, strict=False):
        middle = matrix.epsilons[len(matrix.epsilons) // 2]
        _trade_off(place, matrix, at if at and at in matrix.epsilons else middle)
    return figure


def _trade_off(axes: Any, matrix: EpsilonMatrix, at: str) -> None:
    """Draw the points of a matrix, those of one kind joined by training epsilon."""
    kinds: dict[str, list[TrainingRow]] = {}
    for row in matrix.rows:
        kinds.setdefault(row.kind, []).append(row)
    others = iter(OTHER_COLOURS * len(kinds))
    column = 1 + matrix.epsilons.index(at)
    every = 100 * np.array([row.accuracy[[0, column]] for row in matrix.rows])
    near = 0.04 * np.ptp(every, axis=0) + 1e-9
    for kind, rows in kinds.items():
        colour = COLOURS.get(kind) or next(others)
        points = 100 * np.array([row.accuracy[[0, column]] for row in rows])
        errors = 200 * np.array([matrix.score(row, at).error for row in rows])
        axes.errorbar(
            *points.T,
            yerr=errors,
            marker="o",
            markersize=5,
            linewidth=1,
            elinewidth=0.5,
            color=colour,
            label=f"{kind} training",
        )
        # Labels of the control stand on the other side, and those of points that lie
        # on each other are one: 0.05 to 0.15.
        side = -1 if kind.split()[0] == NOISE else 1
        for group in _close(points, near):
            first, last = (training_epsilon(rows[i].epsilon) for i in group[[0, -1]])
            axes.annotate(
                first if first == last else f"{first} to {last}",
                points[group].mean(axis=0),
                xytext=(7 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=8,
                color=colour,
                bbox={"color": "white", "alpha": 0.7, "pad": 0.5},
            )
    axes.set_xlabel("clean accuracy in percent")
    axes.set_ylabel(f"accuracy at ε = {float(at):.4g} in percent")
    legend = "numbers are the training ε, bars two standard errors"
    axes.set_title("\n".join(filter(None, [matrix.title, legend])), fontsize=9)
    axes.margins(x=0.1)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _close(points: NDArray[np.float64], near: NDArray[np.float64]) -> list[Any]:
    """Group consecutive points that lie near the first of their group."""
    groups: list[list[int]] = []
    for i, point in enumerate(points):
        if groups and np.all(np.abs(point - points[groups[-1][0]]) < near):
            groups[-1].append(i)
        else:
            groups.append([i])
    return [np.array(group) for group in groups]
