"""Matrices of numbers with colours: rules against attacks, and any two keys."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.report.figures.layout import cut, wrapped
from fedrobust.report.style import HEAT, MISSING, PAGE, RISING, styled

NONE = "–"
# Inches of a row without and with a second line of text, and of a column.
ROW, HIGH_ROW, CELL = 0.2, 0.29, 0.42
# With more cells nobody reads their numbers, which the tables have, so cells are small.
MOST_NUMBERS, SMALL = 400, 0.15
CHARACTER = 0.068  # inches of a character of a name, at 7.5 points


@dataclass(frozen=True)
class Matrix:
    """A matrix to draw.

    Attributes
    ----------
    rows, columns
        Names down and across.
    values
        (rows, columns) numbers; nan where there is none.
    texts
        What stands in each cell, by row and column.
    title
        The title; empty for none.
    axes
        Labels of the axes, across and down.
    split
        Number of columns before a white line; 0 for none.
    rising
        Whether a larger number is better for an attacker.
    span
        Numbers of the darkest and the lightest colour.
    unit
        What the colour bar shows.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: NDArray[np.float64]
    texts: Sequence[Sequence[str]]
    title: str = ""
    axes: tuple[str, str] = ("", "")
    split: int = 0
    rising: bool = False
    span: tuple[float, float] = (0.0, 100.0)
    unit: str = ""

    @property
    def has_numbers(self) -> bool:
        """Whether the numbers stand in the cells."""
        return self.values.size <= MOST_NUMBERS

    @property
    def cell(self) -> float:
        """The width of a column in inches."""
        return CELL if self.has_numbers else SMALL


def pages(matrix: Matrix, most: int | None = None) -> list[Matrix]:
    """Cut a matrix into parts whose columns fit across a page, about equally wide."""
    most = most or _fitting(matrix)
    count = math.ceil(len(matrix.columns) / most)
    cuts = np.linspace(0, len(matrix.columns), count + 1).round().astype(int)
    parts = []
    for i, (start, end) in enumerate(pairwise(cuts)):
        number = f" ({i + 1} of {count})" if count > 1 else ""
        parts.append(
            replace(
                matrix,
                columns=matrix.columns[start:end],
                values=matrix.values[:, start:end],
                texts=[line[start:end] for line in matrix.texts],
                title=f"{matrix.title}{number}".strip(),
                split=max(0, min(matrix.split, end) - start),
            )
        )
    return parts


@styled
def draw_matrices(matrices: Sequence[Matrix]) -> Figure:
    """Draw matrices one below the other, with one colour bar."""
    first = matrices[0]
    heights = [_height(matrix) for matrix in matrices]
    # The label of the colour bar stands beside the rows, all but what is below them.
    beside = sum(heights) - _height(matrices[-1]) + _rows(matrices[-1])
    unit = wrapped(first.unit, max(12, int(beside / 0.075)))
    heights[-1] += max(0.0, CHARACTER * max(map(len, unit.split("\n"))) - beside)
    widths = [_width(matrix) for matrix in matrices]
    size = (max(2.6, *widths), sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(len(matrices), 1, squeeze=False, height_ratios=heights)
    for place, matrix in zip(places.ravel(), matrices, strict=True):
        _draw(place, matrix)
    colours = ScalarMappable(Normalize(*first.span), RISING if first.rising else HEAT)
    bar = figure.colorbar(colours, ax=places, fraction=0.05, pad=0.02, aspect=30)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_linewidth(0.4)
    bar.set_label(unit, fontsize=7.5)
    return figure


def _fitting(matrix: Matrix) -> int:
    """Return how many columns fit across a page beside the names of the rows."""
    return max(4, int((PAGE - _names(matrix.rows) - 0.9) / matrix.cell))


def _names(names: Sequence[str]) -> float:
    return min(CHARACTER * max(map(len, names), default=0), 2.2)


def _is_slanted(matrix: Matrix) -> bool:
    return max(map(len, matrix.columns)) > 5


def _height(matrix: Matrix) -> float:
    names = 0.7 * _names(matrix.columns) if _is_slanted(matrix) else 0.15
    title = 0.3 if matrix.title else 0.05
    labels = 0.2 * bool(matrix.axes[0])
    return _rows(matrix) + names + title + labels


def _rows(matrix: Matrix) -> float:
    """Return the height of the rows."""
    if not matrix.has_numbers:
        return SMALL * len(matrix.rows)
    two_lines = any("\n" in text for line in matrix.texts for text in line)
    return (HIGH_ROW if two_lines else ROW) * len(matrix.rows)


def _width(matrix: Matrix) -> float:
    label = 0.2 * bool(matrix.axes[1])
    return _names(matrix.rows) + matrix.cell * len(matrix.columns) + label + 0.9


def _draw(place: Any, matrix: Matrix) -> None:
    colours = mpl.colormaps[RISING if matrix.rising else HEAT].with_extremes(
        bad=MISSING
    )
    scale = Normalize(*matrix.span)
    place.imshow(matrix.values, cmap=colours, norm=scale, aspect="auto")
    place.spines[:].set_visible(False)
    place.tick_params(length=0)
    slanted: dict[str, Any] = {}
    if _is_slanted(matrix):
        turned = 40 if matrix.has_numbers else 60
        slanted = {"rotation": turned, "ha": "right", "rotation_mode": "anchor"}
    place.set_xticks(range(len(matrix.columns)), map(cut, matrix.columns), **slanted)
    place.set_yticks(range(len(matrix.rows)), map(cut, matrix.rows))
    place.set_xlabel(matrix.axes[0])
    place.set_ylabel(matrix.axes[1])
    if matrix.title:
        place.set_title(wrapped(matrix.title, int(_width(matrix) / 0.075)))
    if matrix.split:
        place.axvline(matrix.split - 0.5, color="white", linewidth=2.5)
    numbers = np.ndenumerate(matrix.values) if matrix.has_numbers else ()
    for (y, x), value in numbers:
        place.text(
            x, y, matrix.texts[y][x], ha="center", va="center", fontsize=7,
            linespacing=0.95, color=_readable(colours(scale(value)), np.isnan(value)),
            in_layout=False,
        )  # fmt: skip


def _readable(colour: Any, is_missing: bool) -> str:
    """Return black or white, whichever stands out more against a colour."""
    red, green, blue = colour[:3]
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return "black" if is_missing or bright > 0.5 else "white"
