"""Whether the texts of a figure can be read, as it would be printed."""

from unittest.mock import patch

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fedrobust.report.style import saving

SMALLEST = 7  # points


def assert_legible(figure: Figure) -> None:
    """Fail for a text that is small, cut, over another one, or read as a formula."""
    drawn = drawn_texts(figure)
    assert drawn
    for text, box in drawn:
        assert text.get_fontsize() >= SMALLEST, text
        assert not text.get_parse_math(), text
        # A pixel of tolerance, as boxes are rounded to whole pixels.
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    edges = np.array([box.extents for _, box in drawn])
    low = np.maximum(edges[:, None, :2], edges[None, :, :2])
    high = np.minimum(edges[:, None, 2:], edges[None, :, 2:])
    over = np.argwhere(np.triu((high - low >= 2).all(-1), k=1))
    assert not [(drawn[i][0], drawn[j][0]) for i, j in over]


def drawn_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Draw a figure, and return its visible texts with their boxes in pixels."""
    found = []
    draw = Text.draw

    def recorded(text, renderer):
        if text.get_visible() and text.get_text().strip():
            found.append((text, text.get_window_extent(renderer)))
        draw(text, renderer)

    figure.set_dpi(200)
    with saving(), patch.object(Text, "draw", recorded):
        FigureCanvasAgg(figure).draw()
    return found


def words(figure: Figure) -> list[str]:
    """Return the visible texts of a figure."""
    return [text.get_text() for text, _ in drawn_texts(figure)]
