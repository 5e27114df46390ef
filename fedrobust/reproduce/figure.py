"""The figure of a reproduction: our numbers against the paper's, or cell by cell."""

from collections.abc import Sequence
from math import floor, isfinite
from statistics import fmean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedrobust.report.style import save, styled
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.published import Published, PublishedNumbers
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import verdict

COLOURS = {"inside": "#2f6fb2", "outside": "#b2432f", "compared": "#7a7a7a"}
OURS = COLOURS["inside"]
SIDE = 6.0  # side of the square panel, in inches
PERCENT = 100.0
ROW = 0.3  # height of the row of a cell, in inches
STEP = 0.1  # the axes start at a multiple of this share of the scale
NEAR = 0.045  # share of the scale within which two labels would overlap


def draw(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> str:
    """Draw figure.png.

    Where verdicts judge, it plots our numbers against the paper's around the diagonal.
    Otherwise it has a panel for each measure, with a row for each cell.

    Returns
    -------
    A caption; empty if there was nothing to draw.
    """
    judged = reproduction.verdict != "compared"
    figure = (against if judged else by_cell)(reproduction, results, published)
    if figure is None:
        return ""
    save(figure, reproduction.folder / "figure.png")
    if judged:
        return "ours against the paper's, ± standard deviations over seeds"
    return "each seed of ours" + (", and the paper's numbers" if published else "")


@styled
def against(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> Figure | None:
    """Draw one point for each cell: our first measure over the paper's.

    Cells with the verdict ``outside`` are numbered, and the legend names them.
    """
    measure = next(iter(reproduction.measures))
    numbers = results.numbers(measure)
    judged = [
        cell
        for cell in reproduction.cells
        if numbers.get(cell) and (cell, measure) in published
    ]
    if not judged:
        return None
    figure = Figure(figsize=(1.6 * SIDE, SIDE), layout="constrained")
    axes = figure.subplots()
    words = {}
    for cell in judged:
        paper, ours = published[cell, measure], numbers[cell]
        word = verdict(reproduction.rule(cell, measure), paper, ours)
        words[cell] = word
        axes.errorbar(
            paper.value,
            fmean(ours),
            xerr=paper.sd,
            yerr=stdev(ours) if len(ours) > 1 else None,
            fmt="o",
            color=COLOURS[word],
            markersize=4,
            linewidth=0.8,
        )
    for word in sorted(set(words.values())):
        axes.plot([], [], "o", color=COLOURS[word], label=word)
    outside = [cell for cell in judged if words[cell] == "outside"]
    places = [(published[c, measure].value, fmean(numbers[c])) for c in outside]
    top = reproduction.measures[measure].scale
    least = min(min(published[cell, measure].value, *numbers[cell]) for cell in judged)
    bottom = STEP * top * floor(least / (STEP * top))
    for place, label in _labels(places, NEAR * (top - bottom)):
        axes.annotate(
            label,
            place,
            xytext=(-3, 4),
            textcoords="offset points",
            horizontalalignment="right",
            fontsize=8,
            color=COLOURS["outside"],
        )
    for number, cell in enumerate(outside, start=1):
        axes.plot([], [], " ", label=f"{number}  {'/'.join(cell)}")
    unit = " in percent" if top == PERCENT else ""
    axes.plot([bottom, top], [bottom, top], color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set(xlabel=f"{measure}{unit}, paper", ylabel=f"{measure}{unit}, ours")
    axes.set_aspect("equal", anchor="W")
    axes.grid(color="#eeeeee", linewidth=0.6)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _labels(
    places: Sequence[tuple[float, float]], near: float
) -> list[tuple[tuple[float, float], str]]:
    """Return the places with numbers from 1; neighbouring places share a label."""
    labels: dict[tuple[float, float], list[str]] = {}
    for number, place in enumerate(places, start=1):
        close = (p for p in labels if max(abs(np.subtract(p, place))) < near)
        labels.setdefault(next(close, place), []).append(str(number))
    return [(place, ", ".join(numbers)) for place, numbers in labels.items()]


@styled
def by_cell(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> Figure | None:
    """Draw one row for each cell.

    Each seed is a point, their mean a vertical line, the paper's number a diamond.
    """
    by_measure = {m: results.numbers(m) for m in reproduction.measures}
    cells = [c for c in reproduction.cells if any(c in n for n in by_measure.values())]
    if not cells:
        return None
    size = (1.5 + 2.6 * len(by_measure), 1.2 + ROW * len(cells))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(by_measure), sharey=True, squeeze=False)[0]
    for axes, (measure, numbers) in zip(panels, by_measure.items(), strict=True):
        for y, cell in enumerate(cells):
            _row(axes, y, numbers.get(cell, []), published.get((cell, measure)))
        top = reproduction.measures[measure].most
        unit = ", percent" if top == PERCENT else ""
        axes.set_title(f"{measure}{unit}")
        if isfinite(top):
            axes.set_xlim(-0.03 * top, 1.03 * top)
        axes.grid(axis="x", color="#e5e5e5", linewidth=0.6)
    panels[0].set_yticks(range(len(cells)), ["/".join(cell) for cell in cells])
    panels[0].set_ylim(len(cells) - 0.5, -0.5)
    panels[-1].plot([], [], "o", color=OURS, markersize=4, label="ours, a seed")
    panels[-1].plot([], [], "|", color=OURS, markersize=12, label="their mean")
    if any(cell in cells for cell, _ in published):
        panels[-1].plot([], [], "D", color="black", fillstyle="none", label="paper")
    figure.legend(frameon=False, loc="outside lower right", ncols=3)
    return figure


def _row(axes: Axes, y: int, ours: Sequence[float], paper: Published | None) -> None:
    """Draw the row of one cell at height ``y``."""
    axes.plot(ours, [y] * len(ours), "o", color=OURS, markersize=4, alpha=0.7)
    if ours:
        axes.plot(fmean(ours), y, "|", color=OURS, markersize=12)
    if paper is not None:
        axes.errorbar(
            paper.value,
            y,
            xerr=paper.sd,
            fmt="D",
            color="black",
            fillstyle="none",
            markersize=6,
            linewidth=0.8,
        )
