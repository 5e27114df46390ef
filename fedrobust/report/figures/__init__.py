"""Figures of any sweep: what varies is found and drawn."""

from fedrobust.report.figures.axes import Axes, Data
from fedrobust.report.figures.choose import default_drawings
from fedrobust.report.figures.data import data_for
from fedrobust.report.figures.draw import draw, drawing_for

__all__ = ["Axes", "Data", "data_for", "default_drawings", "draw", "drawing_for"]
