"""Lines over a number: means over seeds with bands, a line for each hue."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from fedrobust.report.figures.axes import Data
from fedrobust.report.figures.layout import (
    label_axes,
    legend,
    panels,
    title,
    within_percent,
)
from fedrobust.report.figures.marking import Mark, annotate
from fedrobust.report.frame import EPSILON, ROUND
from fedrobust.report.interval import Estimate, estimate
from fedrobust.report.marks import alphabetical
from fedrobust.report.style import look, styled

# More points than this need no marker each.
MOST_MARKERS = 25
# A factor between the ends of an axis from which it is logarithmic, with few ticks.
WIDE, MOST_TICKS = 20, 8


@styled
def draw_lines(data: Data) -> Figure:
    """Draw a measure over a numeric key, over rounds or over epsilon.

    Runs without a value of the key are a horizontal line, for comparison.
    """
    figure, places = panels([title(data, facet) for facet in data.facets])
    entries: dict[str, Any] = {}
    marks: list[Mark] = []
    for place, facet in zip(places, data.facets, strict=True):
        inside = data.frame[data.frame["facet"] == facet]
        for hue in data.hues:
            rows = inside[inside["hue"] == hue]
            if len(rows):
                handle = _line(place, data, rows, data.number(hue), marks)
                entries.setdefault(hue, handle)
        place.grid(axis="y")
    if data.measure.is_share:
        within_percent(places)
    _scale(places[0], data.frame["x"].dropna())
    label_axes(figure, places, data.x_label, data.measure.label)
    hues = [hue for hue in data.hues if hue in entries]
    legend(figure, [entries[hue] for hue in hues], hues, data.axes.hue)
    annotate(figure, marks)
    return figure


def _scale(place: Any, x: pd.Series) -> None:
    """Choose the ticks of numbers: a tick each on a wide axis, and whole ones."""
    if _is_wide(x):
        place.set_xscale("log")
        ticks = sorted(x.unique())
        place.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        place.xaxis.set_minor_locator(NullLocator())
    elif (x == x.round()).all():
        place.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def estimates(
    data: Data, rows: pd.DataFrame
) -> Iterator[tuple[Any, Estimate, list[str]]]:
    """Yield each x with the estimate of y, and the letters of its runs' marks."""
    low, high = data.measure.bounds
    # A loss of the user's own may be negative.
    low = low if data.frame["y"].min() >= low else -np.inf
    for x, group in rows.groupby("x", sort=True, dropna=False):
        values = group["y"].to_list()
        letters = alphabetical(w for m in group["marks"].unique() for w in m.split())
        yield x, estimate(values, (low, high)), letters


def _is_wide(x: pd.Series) -> bool:
    """Return whether numbers need a logarithmic axis; rounds and epsilon 0 do not."""
    few = x.unique()
    return (
        2 < len(few) <= MOST_TICKS and few.min() > 0 and few.max() / few.min() >= WIDE
    )


def _line(
    place: Any, data: Data, rows: pd.DataFrame, number: int, marks: list[Mark]
) -> Any:
    """Draw one line with its band, add its marks, and return its legend entry."""
    drawn = look(number)
    colour = drawn["color"]
    every = [*estimates(data, rows)]
    # The run without a value of the key sorts last.
    if np.isnan(every[-1][0]):
        _, level, letters = every.pop()
        flat = _flat(place, level, colour)
        marks.append(Mark(place, np.nan, level.mean, letters, colour))
        if not every:
            return flat
    x = np.array([each[0] for each in every])
    y = [each[1] for each in every]
    mean = np.array([e.mean for e in y])
    low, high = np.array([e.low for e in y]), np.array([e.high for e in y])
    if len(x) > MOST_MARKERS:
        drawn["marker"] = ""
    (line,) = place.plot(x, mean, **drawn)
    if len(x) > 1 and all(e.is_banded for e in y):
        place.fill_between(x, low, high, alpha=0.18, color=drawn["color"], linewidth=0)
    else:
        several = np.array([e.num_seeds > 1 for e in y])
        place.vlines(x[several], low[several], high[several], color=drawn["color"],
                     linewidth=0.8, alpha=0.7)  # fmt: skip
    # Over rounds and epsilons, a line is one experiment, and so is its mark.
    marked = every[-1:] if data.axes.x in (ROUND, EPSILON) else every
    marks += [Mark(place, at, e.mean, letters, colour) for at, e, letters in marked]
    return line


def _flat(place: Any, level: Estimate, colour: str) -> Any:
    """Draw a level as a horizontal line, with its band or the bar of two seeds."""
    if level.is_banded:
        place.axhspan(level.low, level.high, alpha=0.1, color=colour, linewidth=0)
    elif level.num_seeds > 1:
        place.plot([0.985, 0.985], [level.low, level.high], color=colour,
                   linewidth=0.8, alpha=0.7, markersize=0,
                   transform=place.get_yaxis_transform())  # fmt: skip
    return place.axhline(level.mean, color=colour, linestyle=":", linewidth=1.2)
