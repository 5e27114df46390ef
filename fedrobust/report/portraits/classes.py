"""The accuracy of each class, clean and under attack: robustness is rarely even."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs
from fedrobust.report.measures import short
from fedrobust.report.portraits.choice import (
    NOT_ATTACKED,
    Kind,
    Portrait,
    of_extremes,
    shared_epsilon,
    shortened,
)
from fedrobust.report.style import COLUMN, INK, PALETTE, styled

KIND = Kind("classes", "Accuracy of each class", "classes")
# Of more classes, the first and the last half of so many are drawn.
MOST_CLASSES = 30
NOT_RECORDED = (
    "No run recorded the accuracy of each class: runs of earlier versions did not."
)


@dataclass(frozen=True)
class ClassScore:
    """The accuracies of a class, in [0, 1]."""

    name: str
    clean: float
    robust: float

    @property
    def loss(self) -> float:
        """The part of the clean accuracy that the attacks take."""
        return self.clean - self.robust


def class_scores(
    names: Sequence[str],
    clean: Sequence[float | None],
    robust: Sequence[float | None],
) -> list[ClassScore]:
    """Return the classes that have both accuracies, the least robust first."""
    found = [
        ClassScore(name, c, r)
        for name, c, r in zip(names, clean, robust, strict=True)
        if c is not None and r is not None
    ]
    return sorted(found, key=lambda score: (score.robust, score.clean))


@styled
def classes_figure(scores: Sequence[ClassScore]) -> Figure:
    """Draw a row for each class, from its clean to its robust accuracy.

    Parameters
    ----------
    scores
        The classes in the order of the rows.
    """
    shown = [*scores]
    if len(scores) > MOST_CLASSES:
        half = MOST_CLASSES // 2
        shown = [*scores[:half], *scores[-half:]]
    figure = Figure(figsize=(COLUMN, 0.95 + 0.17 * len(shown)), layout="constrained")
    axes: Any = figure.subplots()
    rows = np.arange(len(shown))
    clean = [100 * score.clean for score in shown]
    robust = [100 * score.robust for score in shown]
    axes.hlines(rows, robust, clean, color=INK, linewidth=0.9)
    axes.plot(clean, rows, "o", color=PALETTE[0], markersize=5.5, label="clean",
              clip_on=False)  # fmt: skip
    axes.plot(robust, rows, "D", color=PALETTE[1], markersize=4.5, label="under attack",
              clip_on=False)  # fmt: skip
    if len(shown) < len(scores):
        axes.axhline(len(shown) / 2 - 0.5, color=INK, linestyle=":", linewidth=1)
    axes.set_yticks(rows, [shortened(score.name, 16) for score in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy in percent")
    axes.set_ylabel("class")
    axes.grid(axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def sentence(scores: Sequence[ClassScore]) -> str:
    """Return which classes are least and most robust, and which lost most."""
    least, most = scores[0], scores[-1]
    lost = max(scores, key=lambda score: score.loss)
    spread = (
        f"Under attack it is from {_percent(least.robust)} ({_name(least)}) to "
        f"{_percent(most.robust)} ({_name(most)})"
    )
    if lost.loss <= 0:
        return f"{spread}; no class loses any."
    return (
        f"{spread}; {_name(lost)} loses most, from {_percent(lost.clean)} to "
        f"{_percent(lost.robust)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _name(score: ClassScore) -> str:
    return f"class {shortened(score.name, 40)}"


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the classes of the most and of the least robust experiment."""
    measured = [group for group in runs.groups if group.runs[0].result.measures]
    if not measured:
        return [KIND.missing(NOT_RECORDED)]
    attacked = [g for g in measured if shared_epsilon([g.runs[0]], None) is not None]
    if not attacked:
        return [KIND.missing(NOT_ATTACKED)]
    return of_extremes(KIND, runs, attacked, _portrait)


def _portrait(usual: str | None, run: FinishedRun) -> Portrait:
    measures, epsilon = run.result.measures, shared_epsilon([run], usual)
    assert measures is not None
    assert epsilon is not None
    clean = measures["clean"]["class_accuracy"]
    robust = measures["worst"][epsilon]["class_accuracy"]
    confusion = run.folder.confusion(run.result.evaluation_digest)
    names = confusion["classes"] if confusion else [*map(str, range(len(clean)))]
    if len(names) != len(clean):
        return (
            f"The confusion matrices of {run.folder.path} have {len(names)} classes, "
            f"and its measures {len(clean)}: restore or remove its files."
        )
    scores = class_scores(names, clean, robust)
    if not scores:
        return "No class has test images."
    caption = (
        f"Accuracy of each class, clean and under all attacks together at ε = "
        f"{short(epsilon)}. {sentence(scores)}"
    )
    if len(scores) > MOST_CLASSES:
        caption += (
            f" Of {len(scores)} classes the {MOST_CLASSES // 2} least and the "
            f"{MOST_CLASSES // 2} most robust are drawn."
        )
    return classes_figure(scores), caption
