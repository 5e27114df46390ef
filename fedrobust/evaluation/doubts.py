"""Notes about accuracies that are doubtful in themselves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.evaluation.checks import Mask, tolerance


def guessing(y: NDArray[Any]) -> float:
    """Return the accuracy of always answering the most frequent label."""
    return float(np.bincount(y).max()) / len(y)


def beats_guessing(accuracy: float, y: NDArray[Any]) -> bool:
    """Return whether an accuracy is over two standard errors above guessing."""
    guess = guessing(y)
    return accuracy > guess + tolerance(guess, len(y))


def about_guessing(clean: Mask, y: NDArray[Any]) -> list[str]:
    """Return a note if a model is no better than guessing.

    Parameters
    ----------
    clean, y
        (n,) mask of the correctly classified examples, and their labels.
    """
    accuracy = float(clean.mean())
    if accuracy == 1 or beats_guessing(accuracy, y):
        return []
    return [
        f"clean accuracy, {100 * accuracy:.1f} %, is no better than always answering "
        f"the most frequent label, {100 * guessing(y):.1f} %: robust accuracy means "
        "nothing"
    ]


def about_overflow(not_finite: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return notes about attacks that break examples by outputs that are not finite.

    Parameters
    ----------
    not_finite
        Number of such examples, by attack and epsilon.
    """
    return [
        f"{name} at epsilon={float(epsilon):.4g}: {count} examples count as broken "
        "because their outputs are not finite"
        for name, curve in not_finite.items()
        for epsilon, count in curve.items()
        if count
    ]
