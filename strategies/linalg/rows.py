"""Arithmetic on the rows of an update matrix, accumulated in float64.

The matrix is float32 and never modified. It is read in blocks of columns, on several
threads. The result of a block does not depend on other blocks, and sums over blocks are
added in the order of the blocks, so the number of threads changes no bit.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.order import Rows
from strategies.threads import num_cores

# Columns per block: for any d, float64 temporaries take no more than a few MB.
BLOCK = 16_384

# Blocks that are submitted at once: at most so many results wait to be summed.
WAVE = 16

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float = NDArray[np.float64]
T = TypeVar("T")


def blocks(width: int) -> Iterator[slice]:
    """Yield slices of at most ``BLOCK`` columns that cover the width."""
    for start in range(0, width, BLOCK):
        yield slice(start, min(start + BLOCK, width))


def each_block(width: int, function: Callable[[slice], T]) -> Iterator[T]:
    """Apply a function to every block, and yield the results in order."""
    ahead = blocks(width)
    if width <= BLOCK:
        yield from map(function, ahead)
        return
    with ThreadPoolExecutor(num_cores()) as pool:
        while wave := list(islice(ahead, WAVE)):
            yield from pool.map(function, wave)


def by_columns(updates: Matrix, function: Callable[[Float], Float]) -> Vector:
    """Apply a column-wise function to float64 blocks of the matrix.

    Parameters
    ----------
    updates
        (n, d) matrix.
    function
        Maps an (n, k) float64 block to (k,) float64, each column independently.

    Returns
    -------
    (d,) float32
    """
    return _filled(updates, lambda part: function(part.astype(np.float64)))


def by_sorted_columns(updates: Matrix, function: Callable[[Matrix], Float]) -> Vector:
    """Apply a function to the columns of the matrix, each of them sorted.

    Parameters
    ----------
    updates
        (n, d) matrix.
    function
        Maps (k, n) float32 to (k,) float64; each row is a column of the matrix in
        ascending order.

    Returns
    -------
    (d,) float32
    """

    def sort(part: Matrix) -> Float:
        # A column sorts ten times faster if its values are contiguous in memory.
        # A copy, because ``ascontiguousarray`` may return a view of the updates.
        columns = part.T.copy()
        columns.sort(axis=1)
        return function(columns)

    return _filled(updates, sort)


def _filled(updates: Matrix, function: Callable[[Matrix], Float]) -> Vector:
    """Return the vector of a function's results for all blocks of columns."""
    result = np.empty(updates.shape[1], np.float32)

    def fill(block: slice) -> None:
        result[block] = function(updates[:, block])

    for _ in each_block(updates.shape[1], fill):
        pass
    return result


def weighted_sum(updates: Matrix, weights: Float) -> Vector:
    """Return the (d,) sum of rows times (n,) weights, in float64 and in row order."""

    def add_up(part: Matrix) -> Float:
        # Row by row, because a block of many rows in float64 does not fit the caches.
        total, term = np.zeros(part.shape[1]), np.empty(part.shape[1])
        for weight, row in zip(weights, part, strict=True):
            term[:] = row
            term *= weight
            total += term
        return total

    return _filled(updates, add_up)


def combinations_of(updates: Matrix, weights: Float) -> Matrix:
    """Return (m, d) weighted sums of (n, d) rows; the weights are (m, n)."""
    result = np.empty((len(weights), updates.shape[1]), np.float32)

    def fill(block: slice) -> None:
        result[:, block] = weights @ updates[:, block].astype(np.float64)

    for _ in each_block(updates.shape[1], fill):
        pass
    return result


def mean_of(updates: Matrix, selected: Rows) -> Vector:
    """Return the (d,) mean of some rows.

    Rows are added in the order of their sums, because the last bits of a mean depend on
    the order: a permutation of the matrix then changes no bit.
    """
    sums = updates[selected].sum(axis=1, dtype=np.float64)
    ordered = selected[np.argsort(sums, kind="stable")]
    return by_columns(updates[ordered], lambda block: block.mean(axis=0))


def lowest(scores: Float, count: int) -> Rows:
    """Return the rows of the ``count`` lowest scores; among equals the lowest rows."""
    return np.argsort(scores, kind="stable")[:count]


def nearest_mean(block: Float, centre: Float, count: int) -> Float:
    """Return the (k,) means of the ``count`` values nearest to a centre.

    Parameters
    ----------
    block
        (n, k) values.
    centre
        (k,) centres.
    count
        At most n. Among equally near values, those of the lowest rows count.
    """
    order = np.argsort(np.abs(block - centre), axis=0, kind="stable")[:count]
    nearest = np.take_along_axis(block, order, axis=0)
    # Sorted, so that the order of rows does not change the last bits of the mean.
    return np.asarray(np.sort(nearest, axis=0).mean(axis=0))


def norms(updates: Matrix, origin: Float | Vector | None = None) -> Float:
    """Return the (n,) Euclidean norms of the rows, or their distances to ``origin``."""
    squares = np.zeros(len(updates))

    def square(block: slice) -> Float:
        return np.asarray((_seen_from(origin, updates, block) ** 2).sum(axis=1))

    for part in each_block(updates.shape[1], square):
        squares += part
    return np.sqrt(squares)


def _seen_from(
    origin: Float | Vector | None, updates: Matrix | Float, block: slice
) -> Float:
    """Return a block of columns in float64, minus ``origin``."""
    values = updates[:, block].astype(np.float64)
    if origin is not None:
        values -= origin[block]
    return values


def gram(updates: Matrix | Float, origin: Float | Vector | None = None) -> Float:
    """Return the (n, n) inner products of the rows, relative to ``origin``."""
    products = np.zeros((len(updates), len(updates)))

    def multiply(block: slice) -> Float:
        values = _seen_from(origin, updates, block)
        return values @ values.T

    for part in each_block(updates.shape[1], multiply):
        products += part
    return products


def cosines(updates: Matrix | Float) -> Float:
    """Return the (n, n) cosines between rows; those of a zero row are 0."""
    products = gram(updates)
    sizes = np.sqrt(products.diagonal())
    scale = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return np.asarray((products * scale[:, None] * scale).clip(-1, 1))


def clipped(lengths: Float, limit: float) -> Float:
    """Return the (n,) factors that clip rows of these lengths to a limit."""
    ones = np.ones_like(lengths)
    return np.divide(limit, lengths, out=ones, where=lengths > limit)
