"""The order in which a rule takes the rows of a matrix, whatever order they came in.

A sum of floats depends on the order of its terms, and the eigenvectors of a matrix on
the order of its rows, in their last bits. So rows are taken in the order of client ids;
where none are known, in the order of their values: the smaller first value comes first,
of equal ones the smaller second value, and so on.
"""

from collections.abc import Sequence
from functools import cmp_to_key

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# Values that two rows are first compared in; then as many times more.
FIRST, FACTOR = 16, 16


def by_ids(clients: Sequence[int]) -> Rows | None:
    """Return row numbers in the order of client ids; None where rows stand in it."""
    return _unless_sorted(np.argsort(np.asarray(clients), kind="stable"))


def by_values(
    updates: NDArray[np.float32], beside: Sequence[NDArray[np.float64]] = ()
) -> Rows | None:
    """Return row numbers in the order of the rows' values.

    Parameters
    ----------
    updates
        (n, d) finite, in C order.
    beside
        (n,) each, what else tells rows apart that are equal.

    Returns
    -------
    (n,), equal rows in the order they came in; None where rows stand in it already.
    """
    bits = updates.view(np.int32)
    d = updates.shape[1]

    def compare(i: int, j: int) -> int:
        start, size = 0, FIRST
        while start < d:
            differs = bits[i, start : start + size] != bits[j, start : start + size]
            if differs.any():
                k = start + int(differs.argmax())
                # Zeros of either sign are equal, and told apart by their bits.
                one = (float(updates[i, k]), int(bits[i, k]))
                return -1 if one < (float(updates[j, k]), int(bits[j, k])) else 1
            start, size = start + size, FACTOR * size
        left, right = ([float(values[row]) for values in beside] for row in (i, j))
        return (left > right) - (left < right)

    rows = range(len(updates))
    return _unless_sorted(np.array(sorted(rows, key=cmp_to_key(compare)), np.int64))


def _unless_sorted(order: Rows) -> Rows | None:
    return None if (order == np.arange(len(order))).all() else order
