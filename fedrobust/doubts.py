"""What makes accuracies doubtful by themselves, said in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack
from fedrobust.attacks.checks import Mask, tolerance


def guessing(y: NDArray[Any]) -> float:
    """Return the accuracy of always answering the most frequent label."""
    return float(np.bincount(y).max()) / len(y)


def beats_guessing(accuracy: float, y: NDArray[Any]) -> bool:
    """Whether an accuracy is more than two standard errors above guessing."""
    guess = guessing(y)
    return accuracy > guess + tolerance(guess, len(y))


def about_guessing(clean: Mask, y: NDArray[Any]) -> list[str]:
    """Say that a model does no better than guessing.

    Parameters
    ----------
    clean, y
        (n,) which examples are right, and their labels.
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
    """Say which attacks break examples by outputs that are not finite.

    Parameters
    ----------
    not_finite
        How many examples, by attack and epsilon.
    """
    return [
        f"{name} at epsilon={float(epsilon):.4g}: {count} examples count as broken "
        "because their outputs are not finite"
        for name, curve in not_finite.items()
        for epsilon, count in curve.items()
        if count
    ]


def about_epsilons(
    attack: Attack, epsilons: Sequence[float], num_values: int
) -> list[str]:
    """Say which epsilons reach every input there is from every other.

    Parameters
    ----------
    attack
        Of the norm and the range.
    epsilons
        In input units.
    num_values
        Values of one input.
    """
    low, high = attack.model_range
    width = (high - low) * (num_values**0.5 if attack.norm == "l2" else 1)
    return [
        f"epsilon={e:.4g} is wider than the range of inputs, {width:.4g} in the norm "
        f"{attack.norm}: write {e:.4g}/255 if it is meant in steps of 0 to 255"
        for e in epsilons
        if e > width
    ]
