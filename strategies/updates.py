"""Updates: what a client changed, flattened to one float32 row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.rows import Vector

Arrays = Mapping[str, NDArray[Any]]

_LIMIT = float(np.finfo(np.float32).max)


def num_values(arrays: Arrays, names: Sequence[str]) -> int:
    """Return d, the number of values in the named arrays."""
    return sum(arrays[name].size for name in names)


def difference(
    new: Arrays, old: Arrays, names: Sequence[str], out: Vector | None = None
) -> Vector:
    """Return new minus old, flattened.

    Parameters
    ----------
    new, old
        Arrays by name, of equal shapes.
    names
        Names of the arrays that make up the update, in order.
    out
        (d,) float32 array to fill, for example a row of a matrix.

    Returns
    -------
    (d,) float32
        A difference beyond float32 becomes its largest value.
    """
    out = np.empty(num_values(old, names), np.float32) if out is None else out
    start = 0
    for name in names:
        end = start + old[name].size
        part = out[start:end]
        if new[name].dtype == old[name].dtype == np.float32:
            # One correctly rounded subtraction gives what rounding float64 would.
            with np.errstate(over="ignore"):
                np.subtract(new[name].reshape(-1), old[name].reshape(-1), out=part)
            np.clip(part, -_LIMIT, _LIMIT, out=part)
        else:
            wide = new[name].astype(np.float64) - old[name]
            part[:] = wide.clip(-_LIMIT, _LIMIT).reshape(-1)
        start = end
    return out


def add(
    old: Arrays, step: NDArray[np.floating[Any]], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return the arrays with a (d,) step added to the named ones.

    Values beyond the range of an array's dtype become infinite, without a warning.
    """
    new = dict(old)
    start = 0
    for name in names:
        end = start + old[name].size
        wide = old[name] + step[start:end].reshape(old[name].shape).astype(np.float64)
        with np.errstate(over="ignore"):
            new[name] = wide.astype(old[name].dtype)
        start = end
    return new
