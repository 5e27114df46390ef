"""The look of figures: sizes, colours and fonts, and how they are saved.

Colours are those of Okabe and Ito (2008, "Color Universal Design"), which people with
any colour vision tell apart; lines also differ in their markers and dashes. A column of
a paper is 3.3 inches wide, and its text at least 7 points high.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from fedrobust.files import replacing

mpl.use("Agg")

# The colour of text and axes. The HTML page replaces it by that of its own text.
INK = "#1b1e23"
# Okabe and Ito without black and yellow, which text and light paper swallow.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":", "-.")
COLUMN, PAGE = 3.3, 6.6  # inches
HEAT, RISING = "viridis", "magma_r"  # accuracies; success of an attacker
DPI = 200  # of PNG files
# The files of a figure: for documents and for papers.
KINDS = (".png", ".pdf")
MISSING = "#d7dade"  # a cell without a number

# Any, as the type of rc_context names every setting.
SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # names are shown literally
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.labelcolor": INK,
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "grid.color": "#9aa0a8",
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # journals refuse the other kind, Type 3
    "svg.hashsalt": "fedrobust",
}

# A decorator and context for functions that draw.
styled = mpl.rc_context(SETTINGS)


@contextmanager
def saving() -> Iterator[None]:
    """Set what a figure needs while it is written."""
    with mpl.rc_context(SETTINGS):
        yield


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, SVG or PDF by its ending; equal runs give equal bytes."""
    settle(figure)
    kind = path.suffix.removeprefix(".")
    # Leave out the version of matplotlib and the time.
    left_out = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}
    with saving(), replacing(path) as file:
        figure.savefig(
            file,
            format=kind,
            dpi=DPI,
            metadata={left_out[kind]: None},
            facecolor="white" if kind == "png" else "none",
        )
    return path


def settle(figure: Figure) -> None:
    """Lay a figure out once; matplotlib would repeat it twice for every file."""
    if figure.get_layout_engine() is not None:
        # At the resolution of the files, as the widths of letters depend on it.
        figure.set_dpi(DPI)
        with saving():
            figure.draw_without_rendering()
        figure.set_layout_engine("none")


def look(number: int) -> dict[str, str]:
    """Return colour, marker and dash of the line with a number, from 0."""
    return {
        "color": PALETTE[number % len(PALETTE)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number // len(PALETTE) % len(DASHES)],
    }
