"""Lines over a number: means over seeds with bands, a line for each hue."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from fedrobust.report.figures.axes import Data
from fedrobust.report.figures.layout import (
    label_axes,
    legend,
    panels,
    title,
    within_percent,
)
from fedrobust.report.frame import EPSILON, ROUND
from fedrobust.report.interval import Estimate, estimate
from fedrobust.report.marks import raised
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
    for place, facet in zip(places, data.facets, strict=True):
        inside = data.frame[data.frame["facet"] == facet]
        for number, hue in enumerate(data.hues):
            rows = inside[inside["hue"] == hue]
            if len(rows):
                handle = _line(place, data, rows, number)
                entries.setdefault(hue, handle)
        place.grid(axis="y")
    if data.measure.is_share:
        within_percent(places)
    if _is_wide(data.frame["x"]):
        places[0].set_xscale("log")
        ticks = sorted(data.frame["x"].dropna().unique())
        places[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        places[0].xaxis.set_minor_locator(NullLocator())
    label_axes(figure, places, data.x_label, data.measure.label)
    hues = [hue for hue in data.hues if hue in entries]
    legend(figure, [entries[hue] for hue in hues], hues, data.axes.hue)
    return figure


def estimates(data: Data, rows: pd.DataFrame) -> Iterator[tuple[Any, Estimate, str]]:
    """Yield each x with the estimate of y, and the letters of its runs' marks."""
    low, high = data.measure.bounds
    # A loss of the user's own may be negative.
    low = min(low, data.frame["y"].min()) if low == 0 else low
    for x, group in rows.groupby("x", sort=True, dropna=False):
        values = group["y"].to_list()
        letters = sorted(
            {w for marks in group["marks"].unique() for w in marks.split()}
        )
        yield x, estimate(values, (low, high)), raised(letters)


def _is_wide(x: pd.Series) -> bool:
    """Return whether numbers need a logarithmic axis; rounds and epsilon 0 do not."""
    few = x.dropna().unique()
    return (
        2 < len(few) <= MOST_TICKS and few.min() > 0 and few.max() / few.min() >= WIDE
    )


def _line(place: Any, data: Data, rows: pd.DataFrame, number: int) -> Any:
    """Draw one line with its band, and return its entry in the legend."""
    drawn = look(number)
    every = [*estimates(data, rows)]
    # The run without a value of the key sorts last.
    if np.isnan(every[-1][0]):
        _, level, letters = every.pop()
        flat = place.axhline(
            level.mean, color=drawn["color"], linestyle=":", linewidth=1.2
        )
        place.annotate(letters, (1, level.mean), (-2, 2), fontsize=9, ha="right",
                       xycoords=("axes fraction", "data"),
                       textcoords="offset points")  # fmt: skip
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
    for at, level, letters in marked:
        place.annotate(letters, (at, level.mean), (2, 2), fontsize=9,
                       textcoords="offset points")  # fmt: skip
    return line
