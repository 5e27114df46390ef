"""Means and medians of arrays of any real dtype, returned in that dtype.

Floats are averaged in float64. float64 cannot represent all integers beyond 2^53, so
the mean of integers is computed from their differences to the smallest one, and their
median is taken among the integers themselves. A result between two integers is rounded
to the nearest, and halves to the even one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The largest float64 that fits into a uint64.
LARGEST = float(2**64 - 2**11)


def weighted_mean(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[Any]:
    """Return the weighted mean of rows, in their dtype.

    Parameters
    ----------
    rows
        (n, ...) values of any real dtype; the mean of equal integers is exact.
    weights
        (n,) weights that sum to 1.
    """
    if rows.dtype.kind not in "biu":
        mean = np.tensordot(weights, rows.astype(np.float64), axes=1)
        return np.asarray(mean.astype(rows.dtype))
    counted = np.flatnonzero(weights)
    whole = _whole(rows)[counted]
    least = whole.min(axis=0)
    # Modulo 2^64, because a difference of int64 values may exceed the int64 range.
    away = whole.view(np.uint64) - least.view(np.uint64)
    mean = (weights[counted] @ away.astype(np.float64)).clip(0, LARGEST)
    below = np.floor(mean)
    rounded = least.view(np.uint64) + below.astype(np.uint64)
    rest = mean - below
    rounded += (rest > 0.5) | ((rest == 0.5) & (rounded % 2 == 1))
    return np.asarray(
        rounded.view(whole.dtype).reshape(rows.shape[1:]).astype(rows.dtype)
    )


def median(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the coordinate-wise median of (n, ...) rows."""
    if rows.dtype.kind not in "biu":
        middle = np.median(rows.astype(np.float64), axis=0)
        return np.asarray(middle.astype(rows.dtype))
    ordered = np.sort(_whole(rows), axis=0)
    low, high = ordered[(len(rows) - 1) // 2], ordered[len(rows) // 2]
    below = (low & high) + ((low ^ high) >> 1)  # the mean rounded down, no overflow
    rounded = below + ((low ^ high) & below & 1)
    return np.asarray(rounded.reshape(rows.shape[1:]).astype(rows.dtype))


def _whole(rows: NDArray[Any]) -> NDArray[Any]:
    """Return integers as an (n, k) matrix of 64-bit integers."""
    wide = np.int64 if rows.dtype.kind == "i" else np.uint64
    return np.ascontiguousarray(rows.reshape(len(rows), -1), wide)
