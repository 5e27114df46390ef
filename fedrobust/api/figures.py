"""Figures of a sweep, which a notebook shows by themselves."""

import io
import re
import sys

from matplotlib.figure import Figure

from fedrobust.errors import ConfigError
from fedrobust.report.figures import Axes, default_drawings, drawing_for
from fedrobust.report.groups import Runs
from fedrobust.report.style import saving


def figure_of(runs: Runs, axes: Axes, command: str) -> Figure:
    """Return the figure of some axes; without any, the first figure of the report.

    Raises
    ------
    ConfigError
        When the axes are wrong, or there are no numbers.
    """
    try:
        if axes.options() and axes.x is None:
            raise ConfigError("x is missing: name a key, round, epsilon or a measure")
        drawings = (
            [drawing_for(runs, axes, command)]
            if axes.x
            else default_drawings(runs, command)
        )
    except ConfigError as error:
        # The sentences name the options of the command.
        words = re.sub(r"--(?=(x|y|hue|facet|where)\b)", "", str(error))
        raise ConfigError(words) from error
    for drawing in drawings:
        if drawing.figure is not None:
            _show_in_notebook()
            return drawing.figure
    raise ConfigError(" ".join(drawing.reason for drawing in drawings))


def _show_in_notebook() -> None:
    """Let IPython show figures, which it does by itself only after pyplot was used."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        pictures = shell.display_formatter.formatters["image/png"]
        if Figure not in pictures:
            pictures.for_type(Figure, _png)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with saving():
        figure.savefig(file, format="png", dpi=144, facecolor="white")
    return file.getvalue()
