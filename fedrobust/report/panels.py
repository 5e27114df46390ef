"""The common parts of figures: matrices with their numbers, colours, and saving."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.files import replacing

mpl.use("Agg")

# Marks a number that a doubtful run is part of.
STAR = "*"

COLOURS = {"standard": "#b2432f", "noise": "#b8912f", "pgd": "#2f6fb2"}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the same runs give the same bytes."""
    with replacing(path) as file:
        # Leave out the version of matplotlib.
        figure.savefig(file, format="png", dpi=144, metadata={"Software": None})


@dataclass(frozen=True)
class Panel:
    """A matrix to draw.

    ``split`` is the column with a white line before it. ``rising`` means that a larger
    figure is better for the attacker. ``axes`` are the labels of the axes, across and
    down. Numbers have a star where ``starred`` is true.
    """

    title: str
    values: NDArray[np.float64]
    columns: list[str]
    rows: list[str]
    split: int
    rising: bool = False
    axes: tuple[str, str] = ("", "")
    starred: NDArray[np.bool_] | None = None


def draw_panels(lines: Sequence[Sequence[Panel]], cell: float) -> Figure:
    """Draw lines of panels; a column is ``cell`` inches wide, and lines share rows."""
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


def _draw(axes: Any, panel: Panel, with_names: bool) -> None:
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
        if panel.starred is not None and panel.starred[y, x] and text != "–":
            text += STAR
        dark = value > 0.5 if panel.rising else value < 0.6
        colour = "white" if dark else "black"
        axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=7)
    axes.set_title(panel.title, fontsize=9)
