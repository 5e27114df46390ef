"""Where the labels of a figure are, to see that none hides another."""

import math
from itertools import combinations, pairwise
from typing import Any

from matplotlib.figure import Figure

from fedrobust.report.style import settle


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """List the pairs of labels of an axis that overlap, and those cut off."""
    settle(figure)
    canvas = figure.bbox
    found = []
    for axes in figure.axes:
        for direction, axis in enumerate((axes.xaxis, axes.yaxis)):
            limits = axes.viewLim.get_points()[:, direction]
            labels = [
                label for label in axis.get_ticklabels()
                if label.get_text() and label.get_visible()
                and min(limits) <= label.get_position()[direction] <= max(limits)
            ]  # fmt: skip
            found += _overlaps(labels, axes)
            for label in labels:
                box = label.get_window_extent()
                if box.x0 < -1 or box.y0 < -1 or box.x1 > canvas.x1 + 1:
                    found.append((label.get_text(), "cut off"))
    for legend in figure.legends:
        box = legend.get_window_extent()
        if box.x0 < -1 or box.x1 > canvas.x1 + 1:
            found.append(("legend", "cut off"))
    return found


def _overlaps(labels: list[Any], axes: Any) -> list[tuple[str, str]]:
    if labels and labels[0].get_rotation():
        return [
            (a.get_text(), b.get_text())
            for a, b in pairwise(labels)
            if _distance(a, b, axes) < _line_height(a)
        ]
    boxes = [(label.get_text(), label.get_window_extent()) for label in labels]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2)
            if _area(one, other) > 1]  # fmt: skip


def _distance(one: Any, other: Any, axes: Any) -> float:
    """Return the distance of the lines on which two slanted labels stand."""
    ends = [axes.transData.transform(t.get_position())[0] for t in (one, other)]
    return abs(ends[1] - ends[0]) * math.sin(math.radians(one.get_rotation()))


def _line_height(label: Any) -> float:
    """Return the height of letters in pixels: 0.73 of the size, as in DejaVu Sans."""
    return 0.73 * label.get_fontsize() * label.get_figure().dpi / 72


def _area(one: Any, other: Any) -> float:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(wide, 0) * max(high, 0)


def covered_marks(figure: Figure) -> list[tuple[str, str]]:
    """List the pairs of texts within panels that overlap, and those cut off."""
    settle(figure)
    found = []
    texts = [text for axes in figure.axes for text in axes.texts if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for text, box in boxes:
        if box.x0 < 0 or box.y0 < 0 or box.x1 > figure.bbox.x1:
            found.append((text, "cut off"))
    return found + [(a, b) for (a, one), (b, other) in combinations(boxes, 2)
                    if _area(one, other) > 0]  # fmt: skip
