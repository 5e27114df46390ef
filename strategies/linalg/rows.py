"""Arithmetic on the rows of an update matrix, in float64 whatever its size.

The matrix stays float32 and as it is: it is read in blocks of columns, on threads. What
a block gives does not depend on the others, and sums over blocks go in their order, so
the number of threads changes no bit.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.order import Rows
from strategies.threads import num_cores

# Columns handled at once: temporaries in float64 stay below a few MB for any d.
BLOCK = 16_384

# Blocks whose results may wait to be summed.
WAVE = 16

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Float = NDArray[np.float64]
T = TypeVar("T")


def blocks(width: int) -> Iterator[slice]:
    """Cut the columns into slices of at most ``BLOCK``."""
    for start in range(0, width, BLOCK):
        yield slice(start, min(start + BLOCK, width))


def each_block(width: int, function: Callable[[slice], T]) -> Iterator[T]:
    """Apply a function to every block; give the results in their order."""
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
        (n, k) float64 -> (k,) float64, where each column is judged alone.

    Returns
    -------
    (d,) float32
    """
    return _filled(updates, lambda part: function(part.astype(np.float64)))


def by_sorted_columns(updates: Matrix, function: Callable[[Matrix], Float]) -> Vector:
    """Apply a function to the columns, each sorted.

    Parameters
    ----------
    updates
        (n, d) matrix.
    function
        (k, n) float32, a column of the matrix a row, ascending -> (k,) float64.

    Returns
    -------
    (d,) float32
    """

    def sort(part: Matrix) -> Float:
        # Next to each other in memory the values of a column sort ten times faster.
        columns = part.T.copy()  # of one row or column it would be the part itself
        columns.sort(axis=1)
        return function(columns)

    return _filled(updates, sort)


def _filled(updates: Matrix, function: Callable[[Matrix], Float]) -> Vector:
    """Make a vector of what a function gives for each block of columns."""
    result = np.empty(updates.shape[1], np.float32)

    def fill(block: slice) -> None:
        result[block] = function(updates[:, block])

    for _ in each_block(updates.shape[1], fill):
        pass
    return result


def weighted_sum(updates: Matrix, weights: Float) -> Vector:
    """Sum of rows times weights, accumulated in float64, in row order."""

    def add_up(part: Matrix) -> Float:
        # A row at a time: of many rows a whole block would leave the caches.
        total, term = np.zeros(part.shape[1]), np.empty(part.shape[1])
        for weight, row in zip(weights, part, strict=True):
            term[:] = row
            term *= weight
            total += term
        return total

    return _filled(updates, add_up)


def combinations_of(updates: Matrix, weights: Float) -> Matrix:
    """Make (m, d) rows as weighted sums of the (n, d) rows; weights are (m, n)."""
    result = np.empty((len(weights), updates.shape[1]), np.float32)

    def fill(block: slice) -> None:
        result[:, block] = weights @ updates[:, block].astype(np.float64)

    for _ in each_block(updates.shape[1], fill):
        pass
    return result


def mean_of(updates: Matrix, selected: Rows) -> Vector:
    """Average some rows, in an order that their values alone decide.

    The sum of floats depends on their order: so a permutation changes no bit.
    """
    sums = updates[selected].sum(axis=1, dtype=np.float64)
    ordered = selected[np.argsort(sums, kind="stable")]
    return by_columns(updates[ordered], lambda block: block.mean(axis=0))


def lowest(scores: Float, count: int) -> Rows:
    """Give the rows of the ``count`` lowest scores, the lowest row among equals."""
    return np.argsort(scores, kind="stable")[:count]


def nearest_mean(block: Float, centre: Float, count: int) -> Float:
    """Average, in each column, the ``count`` values nearest to a centre.

    Parameters
    ----------
    block
        (n, k) values.
    centre
        (k,) centres.
    count
        At most n; of values equally near, those of the lowest rows count.
    """
    order = np.argsort(np.abs(block - centre), axis=0, kind="stable")[:count]
    nearest = np.take_along_axis(block, order, axis=0)
    return np.asarray(np.sort(nearest, axis=0).mean(axis=0))


def norms(updates: Matrix, origin: Float | Vector | None = None) -> Float:
    """Compute the (n,) Euclidean norms of the rows, or their distances to a point."""
    squares = np.zeros(len(updates))

    def square(block: slice) -> Float:
        return np.asarray((_seen_from(origin, updates, block) ** 2).sum(axis=1))

    for part in each_block(updates.shape[1], square):
        squares += part
    return np.sqrt(squares)


def _seen_from(
    origin: Float | Vector | None, updates: Matrix | Float, block: slice
) -> Float:
    """Give a block of the rows in float64, less a point."""
    values = updates[:, block].astype(np.float64)
    if origin is not None:
        values -= origin[block]
    return values


def gram(updates: Matrix | Float, origin: Float | Vector | None = None) -> Float:
    """Compute the (n, n) inner products of the rows, seen from a point."""
    products = np.zeros((len(updates), len(updates)))

    def multiply(block: slice) -> Float:
        values = _seen_from(origin, updates, block)
        return values @ values.T

    for part in each_block(updates.shape[1], multiply):
        products += part
    return products


def cosines(updates: Matrix | Float) -> Float:
    """Compute the (n, n) cosines between rows; a zero row has cosine 0 with any."""
    products = gram(updates)
    sizes = np.sqrt(products.diagonal())
    scale = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return np.asarray((products * scale[:, None] * scale).clip(-1, 1))


def clipped(lengths: Float, limit: float) -> Float:
    """Give the (n,) factors that shorten rows of these lengths to a limit."""
    ones = np.ones_like(lengths)
    return np.divide(limit, lengths, out=ones, where=lengths > limit)
