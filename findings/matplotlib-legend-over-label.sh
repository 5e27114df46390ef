#!/usr/bin/env bash
# matplotlib 3.11.2: under layout="constrained" the layout makes room for a legend with
# loc="outside lower center" and for a figure.supxlabel, but not for both: the legend is
# drawn over the label. A legend that is "outside" should not cover anything.
# It matters here because figures with several panels have one legend and one label below
# them: label the lowest panels instead.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matplotlib==3.11.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'END'
import sys

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def boxes(labelled):
    figure = Figure(layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], label="a line")
    if labelled == "figure":
        label = figure.supxlabel("a label")
    else:
        label = axes.set_xlabel("a label")
    legend = figure.legend(loc="outside lower center")
    canvas.draw()
    return label.get_window_extent(), legend.get_window_extent()


print("matplotlib", matplotlib.__version__)
seen = {}
for place in ("axes", "figure"):
    label, legend = boxes(place)
    seen[place] = bool(label.overlaps(legend))
print("expected neither label to be covered by the legend")
print(f"seen     covered by the legend: {seen}")
if seen != {"axes": False, "figure": True}:
    sys.exit("changed: the legend no longer covers the label of the figure")
END
