"""The canonical order of the rows of a matrix, independent of their order of arrival.

The last bits of a sum of floats depend on the order of its terms, and those of the
eigenvectors of a matrix depend on the order of its rows. Rules therefore take rows in
the order of client ids. If the ids are unknown, they take rows in lexicographic order
of their values.
"""

from collections.abc import Sequence
from functools import cmp_to_key

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# Two rows are compared in this many values first, then in blocks growing by FACTOR.
FIRST, FACTOR = 16, 16


def by_ids(clients: Sequence[int]) -> Rows | None:
    """Return row numbers in the order of client ids; None if already in order."""
    return _unless_sorted(np.argsort(np.asarray(clients), kind="stable"))


def by_values(
    updates: NDArray[np.float32], tie_breakers: Sequence[NDArray[np.float64]] = ()
) -> Rows | None:
    """Return row numbers in the order of the rows' values.

    Parameters
    ----------
    updates
        (n, d) finite float32 in C order.
    tie_breakers
        (n,) arrays whose values order rows that are equal.

    Returns
    -------
    (n,) row numbers, in which equal rows keep their order; None if the rows are already
    in order.
    """
    bits = updates.view(np.int32)
    d = updates.shape[1]

    def compare(i: int, j: int) -> int:
        start, size = 0, FIRST
        while start < d:
            differs = bits[i, start : start + size] != bits[j, start : start + size]
            if differs.any():
                k = start + int(differs.argmax())
                # 0.0 == -0.0, so their bits decide.
                one = (float(updates[i, k]), int(bits[i, k]))
                return -1 if one < (float(updates[j, k]), int(bits[j, k])) else 1
            start, size = start + size, FACTOR * size
        left, right = (
            [float(values[row]) for values in tie_breakers] for row in (i, j)
        )
        return (left > right) - (left < right)

    rows = range(len(updates))
    return _unless_sorted(np.array(sorted(rows, key=cmp_to_key(compare)), np.int64))


def _unless_sorted(order: Rows) -> Rows | None:
    return None if (order == np.arange(len(order))).all() else order
