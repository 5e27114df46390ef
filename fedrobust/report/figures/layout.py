"""Panels and legends that all figures lay out alike."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.figures.axes import Data
from fedrobust.report.style import COLUMN, PAGE
from strategies.transport.text import printable

# More panels than this are hard to compare.
ACROSS = 3


def literal(name: str) -> str:
    """Return a name on one line, as figures show it; an absent value has none."""
    return printable(name) or "(none)"


def cut(name: str, longest: int = 34) -> str:
    """Return a name that fits beside a figure: of a long one, its two ends."""
    name = literal(name)
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[1 - half :]}"


def title(data: Data, facet: str) -> str:
    """Return the title of a panel; empty if there is only one."""
    if data.axes.facet is None:
        return ""
    return f"{data.axes.facet}: {literal(facet)}"


def across(number: int) -> int:
    """Return how many of some panels stand side by side."""
    return 2 if number == 4 else min(number, ACROSS)


def panels(
    titles: Sequence[str], height: float = 2.1, wide: bool = False
) -> tuple[Figure, list[Any]]:
    """Return a figure with one panel for each title, which share both axes."""
    columns = across(len(titles))
    rows = -(-len(titles) // columns)
    width = COLUMN if columns == 1 and not wide else PAGE
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    places = list(np.ravel(grid))
    for place, title in zip(places, titles, strict=False):
        place.set_title(wrapped(title, 34 if columns > 1 else 48))
    for place in places[len(titles) :]:
        place.set_axis_off()
    return figure, places[: len(titles)]


def legend(
    figure: Figure, handles: Sequence[Any], labels: Sequence[str], title: str | None
) -> None:
    """Put a legend below the panels, and make the figure higher by its height."""
    if not title:
        return
    # About 0.075 inches a character, and 0.45 for the line before the text.
    most = int((figure.get_figwidth() - 0.45) / 0.075)
    shown = [cut(label, most) for label in labels]
    longest = 0.075 * max(map(len, shown)) + 0.45
    columns = max(1, min(len(shown), int(figure.get_figwidth() / longest)))
    lines = -(-len(shown) // columns) + 1
    figure.set_figheight(figure.get_figheight() + 0.16 * lines + 0.1)
    figure.legend(handles, shown, title=title, loc="outside lower center",
                  ncols=columns, title_fontsize=7.5)  # fmt: skip


def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most so many characters, words kept whole."""
    # An equation stays on one line: lines are not broken at these spaces.
    kept = text.replace(" = ", "\xa0=\xa0")
    return "\n".join(textwrap.wrap(kept, width)).replace("\xa0", " ") or text


def label_axes(figure: Figure, places: Sequence[Any], x: str, y: str) -> None:
    """Label the lowest panel of each column, and the first panel of each row."""
    columns = across(len(places))
    width = 44 if columns == 1 else int(figure.get_figwidth() / columns / 0.075)
    for number, place in enumerate(places):
        if number + columns >= len(places):
            place.set_xlabel(wrapped(x, width))
            place.xaxis.set_tick_params(labelbottom=True)
        if number % columns == 0:
            place.set_ylabel(wrapped(y, 30))


def within_percent(places: Sequence[Any]) -> None:
    """Limit a shared axis of shares to what is possible, with room for markers."""
    low, high = places[0].get_ylim()
    places[0].set_ylim(max(low, -2.5), min(high, 102.5))
