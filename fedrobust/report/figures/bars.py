"""Bars over names: means over seeds with intervals, a bar for each hue."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.figures.axes import Data, ordered
from fedrobust.report.figures.layout import cut, label_axes, legend, panels, title
from fedrobust.report.figures.lines import estimates
from fedrobust.report.figures.marking import Mark, annotate
from fedrobust.report.figures.matrix import CHARACTER
from fedrobust.report.style import PALETTE, styled

# Names longer than this together do not fit below the bars of one panel.
LEVEL_CHARACTERS = 40
# More names than this are upright, and a panel alone is as wide as a page.
MOST_SLANTED = 10
HATCHES = ("", "///", "...", "xxx", "\\\\\\")


@styled
def draw_bars(data: Data) -> Figure:
    """Draw a measure for each name on the x axis, grouped by hue."""
    names = ordered(data.axes.x or "", data.frame["x"])
    titles = [title(data, facet) for facet in data.facets]
    figure, places = panels(titles, wide=len(names) > MOST_SLANTED)
    shown = [*map(cut, names)]
    turned: dict[str, Any] = {}
    if angle := _slanted(shown, len(places)):
        slanted = {"ha": "right", "rotation_mode": "anchor"} if angle < 90 else {}
        turned = {"rotation": angle, **slanted}
        below = CHARACTER * max(map(len, shown)) * math.sin(math.radians(angle))
        figure.set_figheight(figure.get_figheight() + max(0.0, below - 0.4))
    width = 0.8 / len(data.hues)
    entries: dict[str, Any] = {}
    marks: list[Mark] = []
    for place, facet in zip(places, data.facets, strict=True):
        inside = data.frame[data.frame["facet"] == facet]
        for number, hue in enumerate(data.hues):
            rows = inside[inside["hue"] == hue]
            offset = (number - (len(data.hues) - 1) / 2) * width
            for x, level, letters in estimates(data, rows):
                at = names.index(x) + offset
                bar = place.bar(at, level.mean, width * 0.92, **_fill(data.number(hue)))
                entries.setdefault(hue, bar)
                if level.num_seeds > 1:
                    reach = [[level.mean - level.low], [level.high - level.mean]]
                    place.errorbar(at, level.mean, reach, color="#444444",
                                   linewidth=0.9, capsize=1.5)  # fmt: skip
                marks.append(Mark(place, at, level.high, letters))
        place.set_xticks(np.arange(len(names)), shown, **turned)
        place.grid(axis="y")
        if data.measure.is_share:
            place.set_ylim(0, 104)
    label_axes(figure, places, data.x_label, data.measure.label)
    hues = [hue for hue in data.hues if hue in entries]
    legend(figure, [entries[hue] for hue in hues], hues, data.axes.hue)
    annotate(figure, marks, bar=width * 0.92)
    return figure


def _fill(number: int) -> dict[str, Any]:
    """Return colour and hatch of the bars with a number, from 0."""
    hatch = HATCHES[number // len(PALETTE) % len(HATCHES)]
    return {"color": PALETTE[number % len(PALETTE)], "hatch": hatch}


def _slanted(names: Sequence[str], num_panels: int) -> int:
    """Return the angle at which names do not hide one another."""
    if len(names) > MOST_SLANTED:
        return 90
    is_short = sum(map(len, names)) <= LEVEL_CHARACTERS / min(num_panels, 2)
    return 0 if is_short else 40
