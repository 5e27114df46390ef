"""Means and medians of arrays of any real dtype, in that dtype.

Floats are averaged in float64. Integers beyond 2^53 do not fit into it, so the mean of
integers is that of their differences from the smallest, and their median sorts them as
they are. A result between two integers is rounded, halves to the even one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The largest float64 that is a uint64.
LARGEST = float(2**64 - 2**11)


def weighted_mean(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[Any]:
    """Average (n, ...) rows by (n,) weights that sum to 1; equal integers stay."""
    if rows.dtype.kind not in "biu":
        mean = np.tensordot(weights, rows.astype(np.float64), axes=1)
        return np.asarray(mean.astype(rows.dtype))
    counted = np.flatnonzero(weights)
    whole = _whole(rows)[counted]
    least = whole.min(axis=0)
    # Modulo 2^64, as signed integers may lie further apart than one can say.
    away = whole.view(np.uint64) - least.view(np.uint64)
    mean = (weights[counted] @ away.astype(np.float64)).clip(0, LARGEST)
    below = np.floor(mean)
    found = least.view(np.uint64) + below.astype(np.uint64)
    rest = mean - below
    found += (rest > 0.5) | ((rest == 0.5) & (found % 2 == 1))
    return np.asarray(
        found.view(whole.dtype).reshape(rows.shape[1:]).astype(rows.dtype)
    )


def median(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the coordinate-wise median of (n, ...) rows."""
    if rows.dtype.kind not in "biu":
        middle = np.median(rows.astype(np.float64), axis=0)
        return np.asarray(middle.astype(rows.dtype))
    ordered = np.sort(_whole(rows), axis=0)
    low, high = ordered[(len(rows) - 1) // 2], ordered[len(rows) // 2]
    below = (low & high) + ((low ^ high) >> 1)  # their mean rounded down
    found = below + ((low ^ high) & below & 1)
    return np.asarray(found.reshape(rows.shape[1:]).astype(rows.dtype))


def _whole(rows: NDArray[Any]) -> NDArray[Any]:
    """Return (n, k) integers of 64 bits."""
    wide = np.int64 if rows.dtype.kind == "i" else np.uint64
    return np.ascontiguousarray(rows.reshape(len(rows), -1), wide)
