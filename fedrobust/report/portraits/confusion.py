"""The confusion matrix: which class is taken for which, clean and under attack."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.record.details import confusion_path
from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs
from fedrobust.report.measures import short
from fedrobust.report.portraits.choice import (
    Kind,
    Portrait,
    of_extremes,
    shared_epsilon,
    shortened,
    strongest,
)
from fedrobust.report.style import COLUMN, HEAT, MISSING, PAGE, styled

KIND = Kind("confusion", "Which class is taken for which", "classes")
# With more classes, numbers would be too small to read.
MOST_NUMBERS = 10
CHARACTER = 0.055  # inches
NOT_RECORDED = (
    "No run recorded which class it took for which: runs of earlier versions did not."
)

Matrix = NDArray[np.int64]


@styled
def confusion_figure(
    panels: Sequence[tuple[str, Matrix]], classes: Sequence[str]
) -> Figure:
    """Draw confusion matrices beside each other.

    The colour is the share of the class's images. Up to 10 classes, every cell that is
    not empty has the number of images, or the share if there is no room for that.

    Parameters
    ----------
    panels
        Titles and (true, predicted) numbers of images.
    classes
        Names of the classes.
    """
    names = [shortened(name) for name in classes]
    width = COLUMN if len(panels) == 1 else PAGE
    side = _side(len(panels), names)
    height = side + 0.7 + CHARACTER * max(map(len, names))
    figure = Figure(figsize=(width, height), layout="constrained")
    places = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    # A name needs an eighth of an inch.
    step = math.ceil(len(names) / (8 * side))
    are_counts = has_counts([counts for _, counts in panels], classes)
    for axes, (title, counts) in zip(places, panels, strict=True):
        drawn = _matrix(axes, counts, names, step, are_counts)
        axes.set_title(title)
    places[0].set_ylabel("true class")
    places[0].set_yticks(range(0, len(names), step), names[::step])
    bar = figure.colorbar(drawn, ax=places, pad=0.01, fraction=0.03)
    bar.set_label("share of the class in percent")
    return figure


def has_counts(matrices: Sequence[Matrix], classes: Sequence[str]) -> bool:
    """Whether cells have room for their numbers of images."""
    digits = len(str(max(int(counts.max()) for counts in matrices)))
    cell = _side(len(matrices), [*map(shortened, classes)]) / len(classes)
    return 1.2 * CHARACTER * digits < cell


def _side(panels: int, names: Sequence[str]) -> float:
    """Return the side of a matrix, which is square, in inches."""
    width = COLUMN if panels == 1 else PAGE
    return (width - 0.9 - CHARACTER * max(map(len, names))) / panels


def _matrix(
    axes: Any, counts: Matrix, names: Sequence[str], step: int, are_counts: bool
) -> Any:
    """Draw one matrix, with every ``step``-th name below it.

    The row of a class without images has no colour.
    """
    totals = counts.sum(1, keepdims=True)
    shares = np.where(totals > 0, 100 * counts / np.maximum(totals, 1), np.nan)
    axes.set_facecolor(MISSING)
    drawn = axes.imshow(shares, cmap=HEAT, vmin=0, vmax=100, interpolation="nearest")
    upright = {"rotation": 90} if max(map(len, names)) > 2 else {}
    axes.set_xticks(range(0, len(names), step), names[::step], **upright)
    axes.set_xlabel("predicted class")
    axes.spines[:].set_visible(False)
    if len(names) <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                share = shares[row, column]
                text = str(count) if are_counts else f"{share:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=7,
                          color="white" if share < 60 else "black")  # fmt: skip
    return drawn


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the matrices of the most and of the least robust experiment."""
    kept = [group for group in runs.groups if has_confusion(group.runs[0])]
    if not kept:
        return [KIND.missing(NOT_RECORDED)]
    return of_extremes(KIND, runs, kept, _portrait)


def has_confusion(run: FinishedRun) -> bool:
    """Whether the confusion matrices of an evaluation were recorded."""
    digest = run.result.evaluation_digest
    return confusion_path(run.folder.path, digest).is_file()


def _portrait(usual: str | None, run: FinishedRun) -> Portrait:
    found = run.folder.confusion(run.result.evaluation_digest)
    assert found is not None
    panels = [("clean", np.array(found["clean"]))]
    caption = "Answers of the final model to the test images of each class."
    epsilon = shared_epsilon([run], usual)
    curves = found["robust"]
    attempts = [name for name in curves if epsilon in curves[name]]
    attack = None if epsilon is None else strongest(run, epsilon, attempts)
    if epsilon is not None and attack is not None:
        title = f"{shortened(attack, 24)}, ε = {short(epsilon)}"
        panels.append((title, np.array(curves[attack][epsilon])))
        caption += (
            f" Of {len(attempts)} attacks the strongest at ε = {short(epsilon)} is "
            "drawn."
        )
    if len(found["classes"]) <= MOST_NUMBERS:
        matrices = [counts for _, counts in panels]
        are_counts = has_counts(matrices, found["classes"])
        unit = "images" if are_counts else "percent of the class"
        caption += f" The numbers are {unit}."
    return confusion_figure(panels, found["classes"]), caption
