"""Moments of updates, and the largest feasible step along a direction."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import Matrix, Vector
from fedrobust.byzantine.collusion import copies
from strategies.validation import require

DIRECTIONS = ("unit", "std", "sign")

Wide = NDArray[np.float64]


def mean_and_std(updates: Matrix, ddof: int = 1) -> tuple[Wide, Wide]:
    """Return the (d,) mean and standard deviation of (n, d) updates, in float64.

    The standard deviation of a single update is 0 for any ``ddof``.
    """
    mean: Wide = updates.mean(axis=0, dtype=np.float64)
    if len(updates) == 1:
        return mean, np.zeros_like(mean)
    return mean, updates.std(axis=0, dtype=np.float64, ddof=ddof)


def require_direction(name: str) -> None:
    """Raise ValueError for a direction that is not one of ``DIRECTIONS``."""
    require(name in DIRECTIONS, "direction", name, "'unit', 'std' or 'sign'")


def mean_and_direction(honest: Matrix, name: str) -> tuple[Wide, Wide]:
    """Return the mean and a (d,) direction that leads away from it.

    Parameters
    ----------
    honest
        (h, d) updates.
    name
        ``unit``: -mean / |mean|; ``std``: -std (ddof 1); ``sign``: -sign(mean).
    """
    mean, std = mean_and_std(honest)
    if name == "std":
        return mean, -std
    if name == "sign":
        return mean, -np.sign(mean)
    norm = np.linalg.norm(mean)
    return mean, -mean / norm if norm > 0 else np.zeros_like(mean)


def upper_root(a: float, b: Wide, c: Wide) -> Wide:
    """Return the upper root of a x^2 + 2 b x + c = 0, where a > 0 and c <= 0.

    Of the two formulas for the root, it uses the one without cancellation.
    """
    c = np.minimum(c, 0.0)
    root = np.sqrt(b * b - a * c)
    positive = b > 0
    upper: Wide = np.where(positive, -c, root - b)
    return upper / np.where(positive, b + root, a)


def furthest(
    mean: Wide, direction: Wide, gamma: float, feasible: Callable[[Vector], bool]
) -> Vector:
    """Return mean + gamma direction in float32, shortened until it is feasible.

    Parameters
    ----------
    mean, direction
        (d,) origin and direction.
    gamma
        The largest feasible factor in exact arithmetic.
    feasible
        Whether a (d,) float32 update satisfies the constraint.

    Returns
    -------
    (d,) float32; the mean itself if rounding leaves no other feasible point.
    """
    for back in (0.0, *(2.0**k for k in range(-26, 1))):
        row: Vector = copies(mean + gamma * (1 - back) * direction, 1)[0]
        if feasible(row):
            break
    return row
