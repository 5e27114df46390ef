"""Letters of footnotes at the points of a figure, none of which hides another."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from fedrobust.report.marks import alphabetical, raised
from fedrobust.report.style import INK, settle

# Raised letters are set high in their line, and small.
SIZE = 9
# Points nearer than this, in points of print, have their letters in one place.
NEAR = 3.0
# Between letters, where a comma would drop to the line.
THIN_SPACE = "\N{THIN SPACE}"
# How far letters may reach over the right and the upper end of a panel, in points.
EDGE = 8
# How far letters may move from their point, in steps of the height of a letter.
STEPS = 8


@dataclass(frozen=True)
class Mark:
    """Letters at a point of a panel; x is nan for the right end of the panel."""

    place: Any
    x: float
    y: float
    letters: Sequence[str]
    colour: str = INK


def marked(letters: Sequence[str]) -> str:
    """Return letters as a small raised text, as figures show them."""
    return THIN_SPACE.join(raised([letter]) for letter in letters)


def annotate(figure: Figure, marks: Sequence[Mark], bar: float = 0.0) -> None:
    """Write letters beside their points, where no other letters are.

    The figure is laid out first, because only then is it known which letters would
    overlap. Points in one place share their letters.

    Parameters
    ----------
    figure
        The figure, with all that belongs to it except for the letters.
    marks
        The letters of its points.
    bar
        The width of the bars on which letters stand, one below the other if they are
        wider; 0 for letters beside points.
    """
    marks = [mark for mark in marks if mark.letters]
    if not marks:
        return
    settle(figure)
    taken: list[Bbox] = []
    for mark in _clusters(marks, NEAR * figure.dpi / 72):
        _write(mark, taken, bar)


def _clusters(marks: Sequence[Mark], near: float) -> list[Mark]:
    """Return marks, with one for all those in the same place."""
    found: list[tuple[tuple[float, float], Mark]] = []
    for mark in marks:
        at = _pixels(mark)
        for i, (other, first) in enumerate(found):
            if math.dist(at, other) < near:
                colour = first.colour if first.colour == mark.colour else INK
                letters = alphabetical([*first.letters, *mark.letters])
                joined = Mark(first.place, first.x, first.y, letters, colour)
                found[i] = other, joined
                break
        else:
            found.append((at, mark))
    return [mark for _, mark in found]


def _pixels(mark: Mark) -> tuple[float, float]:
    """Return where a mark's point is in the figure."""
    x, y = mark.place.transData.transform((_x(mark), mark.y))
    return float(x), float(y)


def _x(mark: Mark) -> float:
    return float(mark.place.get_xlim()[1]) if math.isnan(mark.x) else mark.x


def _write(mark: Mark, taken: list[Bbox], bar: float) -> None:
    """Write letters in the first free place, and add it to those that are taken."""
    text = mark.place.annotate(
        marked(mark.letters), (_x(mark), mark.y), (0, 0), fontsize=SIZE,
        textcoords="offset points", color=mark.colour, annotation_clip=False,
    )  # fmt: skip
    (left, _), (right, _) = mark.place.transData.transform([(0, 0), (bar, 0)])
    if bar and text.get_window_extent().width > right - left:
        text.set(text=marked(mark.letters).replace(THIN_SPACE, "\n"), linespacing=0.7)
    whole = _room(mark.place)
    tried = []
    for offset, side in _offsets(centred=bool(bar)):
        text.set(position=offset, ha=side)
        box = Bbox(text.get_window_extent())
        tried.append((_covered(box, taken, whole), offset, side, box))
        if tried[-1][0] == 0:
            break
    _, offset, side, box = min(tried, key=lambda each: each[0])
    text.set(position=offset, ha=side)
    taken.append(box)


def _room(place: Any) -> Bbox:
    """Return where letters may be: further left or below, they would hide an axis."""
    edge = EDGE * place.figure.dpi / 72
    x, y = (
        min(end + edge, most)
        for end, most in zip(place.bbox.max, place.figure.bbox.max, strict=True)
    )
    return Bbox([place.bbox.min, (x, y)])


def _offsets(centred: bool) -> Iterator[tuple[tuple[float, float], str]]:
    """Yield offsets in points from near to far, and how letters stand there."""
    for step in range(STEPS):
        if centred:
            yield (0, 1 + step * SIZE * 0.6), "center"
            continue
        above, beneath = 2 + step * SIZE * 0.6, -SIZE - step * SIZE * 0.6
        for side, away in (("left", 1), ("right", -1)):
            yield (2 * away, above), side
        if step == 0:
            yield (5, -4), "left"
            yield (-5, -4), "right"
        for side, away in (("left", 1), ("right", -1)):
            yield (2 * away, beneath), side


def _covered(box: Bbox, taken: Sequence[Bbox], whole: Bbox) -> float:
    """Return how many pixels of a box are taken, or outside of where it may be."""
    inside = Bbox.intersection(box, whole)
    outside = box.width * box.height - (_area(inside) if inside else 0)
    common = [Bbox.intersection(box, other) for other in taken]
    return sum(map(_area, filter(None, common))) + max(0.0, round(outside, 6))


def _area(box: Bbox) -> float:
    return float(box.width * box.height)
