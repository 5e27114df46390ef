"""One measure against another: a point for each experiment, among its seeds."""

from typing import Any

from matplotlib.figure import Figure

from fedrobust.report.figures.axes import Data
from fedrobust.report.figures.layout import label_axes, legend, panels, title
from fedrobust.report.figures.marking import Mark, annotate
from fedrobust.report.marks import alphabetical
from fedrobust.report.style import look, styled


@styled
def draw_scatter(data: Data) -> Figure:
    """Draw the means over seeds as points, and each seed as a small pale one."""
    figure, places = panels([title(data, facet) for facet in data.facets], 2.6)
    entries: dict[str, Any] = {}
    marks: list[Mark] = []
    for place, facet in zip(places, data.facets, strict=True):
        inside = data.frame[data.frame["facet"] == facet]
        for hue in data.hues:
            rows = inside[inside["hue"] == hue]
            drawn = look(data.number(hue)) | {"linestyle": ""}
            for _, group in rows.groupby("experiment", sort=False):
                place.plot(group["x"], group["y"], **drawn, markersize=2, alpha=0.45)
                x, y = group["x"].mean(), group["y"].mean()
                (point,) = place.plot(x, y, **drawn)
                entries.setdefault(hue, point)
                letters = alphabetical(w for m in group["marks"] for w in m.split())
                marks.append(Mark(place, x, y, letters, str(drawn["color"])))
        place.grid()
    label_axes(figure, places, data.x_label, data.measure.label)
    hues = [hue for hue in data.hues if hue in entries]
    legend(figure, [entries[hue] for hue in hues], hues, data.axes.hue)
    annotate(figure, marks)
    return figure
