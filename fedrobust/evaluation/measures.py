"""Measures of a classifier beside its accuracy: of classes, calibration and ranking.

    F1 of a class         2 TP / (2 TP + FP + FN)
    accuracy of a class   share of its examples that are classified as it
    calibration error     sum over bins of n_bin / n |accuracy - mean confidence|

Macro F1 and balanced accuracy are means over the classes that have an example. Their
F1 always has a denominator above 0; it is 0 for a class that is never predicted. An
output that is not finite is no class, so it lowers the accuracy of its example's class
and is no false positive of another. No probability is defined for it, so the measures
of probabilities are None as soon as one output is not finite.

The calibration error has 15 bins of equal width and is that of section 2 of C. Guo,
G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML
2017, arXiv 1706.04599.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Counts = list[list[int]]

BINS = 15


class ClassMeasures(TypedDict):
    """Measures of answers; ``class_accuracy`` is None where a class has no example."""

    macro_f1: float
    balanced_accuracy: float
    class_accuracy: list[float | None]


class CleanMeasures(ClassMeasures, total=False):
    """Measures of answers and probabilities; ``auc`` exists for two classes only."""

    calibration_error: float | None
    loss: float | None
    auc: float | None


class Measures(TypedDict):
    """Measures of clean examples, and of the worst case by ``repr`` of epsilon."""

    clean: CleanMeasures
    worst: dict[str, ClassMeasures]


def class_measures(y: Labels, answers: Labels, num_classes: int) -> ClassMeasures:
    """Return the measures of (n,) answers to examples with (n,) labels."""
    # Imported late, as this module is loaded before anything is computed.
    from sklearn.metrics import precision_recall_fscore_support

    present = np.unique(y)
    _, recall, f1, _ = precision_recall_fscore_support(
        y, answers, labels=present, zero_division=0.0
    )
    by_class: list[float | None] = [None] * max(num_classes, int(present[-1]) + 1)
    for label, share in zip(present, recall, strict=True):
        by_class[label] = float(share)
    return {
        "macro_f1": float(np.mean(f1)),
        "balanced_accuracy": float(np.mean(recall)),
        "class_accuracy": by_class,
    }


def clean_measures(y: Labels, answers: Labels, logits: NDArray[Any]) -> CleanMeasures:
    """Return the measures of (n, classes) logits and of the (n,) answers by them."""
    answered = class_measures(y, answers, logits.shape[1])
    measures = CleanMeasures(
        macro_f1=answered["macro_f1"],
        balanced_accuracy=answered["balanced_accuracy"],
        class_accuracy=answered["class_accuracy"],
        calibration_error=calibration_error(y, logits),
        loss=mean_loss(y, logits),
    )
    if logits.shape[1] == 2:
        measures["auc"] = area_under_curve(y, logits)
    return measures


def mean_loss(y: Labels, logits: NDArray[Any]) -> float | None:
    """Return the mean cross-entropy, or None where it is not defined.

    That is where an output is not finite, or the model has no output for a label.
    """
    if y.max() >= logits.shape[1] or not np.isfinite(logits).all():
        return None
    return float(-_log_probabilities(logits)[np.arange(len(y)), y].mean())


def calibration_error(y: Labels, logits: NDArray[Any]) -> float | None:
    """Return the expected calibration error of the largest probability.

    None if an output is not finite. A bin includes its upper end.
    """
    if not np.isfinite(logits).all():
        return None
    confidence = np.exp(_log_probabilities(logits).max(axis=1))
    correct = logits.argmax(axis=1) == y
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    bins = np.digitize(confidence, inner, right=True)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))


def area_under_curve(y: Labels, logits: NDArray[Any]) -> float | None:
    """Return the area under the ROC curve of class 1 of two.

    None if an output is not finite, or not both classes have an example.
    """
    from sklearn.metrics import roc_auc_score

    if not np.isfinite(logits).all() or not np.array_equal(np.unique(y), [0, 1]):
        return None
    wide = logits.astype(np.float64)
    return float(roc_auc_score(y, wide[:, 1] - wide[:, 0]))


def confusion(y: Labels, answers: Labels, num_classes: int) -> Counts:
    """Count the answers to the examples of each class: a row a label.

    Outputs that are not finite are not counted, so a row may sum to less than the
    examples of its class.
    """
    size = max(num_classes, int(y.max()) + 1)
    is_class = answers >= 0
    cells = y[is_class].astype(np.int64) * size + answers[is_class]
    counts: Counts = np.bincount(cells, minlength=size**2).reshape(size, size).tolist()
    return counts


def worst_answers(y: Labels, clean: Labels, attacked: Iterable[Labels]) -> Labels:
    """Return the (n,) answers under the first of several attacks that breaks each.

    An example that is misclassified without an attack keeps that answer.
    """
    worst = clean.copy()
    for answers in attacked:
        standing = worst == y
        worst[standing] = answers[standing]
    return worst


def _log_probabilities(logits: NDArray[Any]) -> NDArray[np.float64]:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(logits.astype(np.float64), axis=1))
