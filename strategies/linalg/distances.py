"""Squared Euclidean distances between updates."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from strategies.linalg.rows import Matrix, each_block, gram

# A squared distance below this share of |x|^2 + |y|^2 is recomputed from differences.
# Above it, inner products in float64 are accurate to eleven digits.
CLOSE = 1e-4


def squared_distances(
    updates: Matrix, products: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return all pairwise squared distances in float64.

    They are |x|^2 + |y|^2 - 2xy, which takes a single matrix product. That formula
    loses all digits for nearly equal updates; such pairs are recomputed from their
    differences.

    Parameters
    ----------
    updates
        (n, d) matrix.
    products
        (n, n) inner products of the rows, if they are already known.

    Returns
    -------
    (n, n) float64
        A symmetric matrix with an infinite diagonal, so that no row is its own
        neighbour.
    """
    products = gram(updates) if products is None else products
    products = (products + products.T) / 2
    squares = products.diagonal()
    sums = squares[:, None] + squares
    distances: NDArray[np.float64] = sums - 2 * products
    close = distances <= CLOSE * sums
    np.fill_diagonal(close, False)
    rows = np.flatnonzero(close.any(axis=1))
    if rows.size:
        among = np.ix_(rows, rows)
        exact = _from_differences(updates, rows)
        distances[among] = np.where(close[among], exact, distances[among])
    np.fill_diagonal(distances, np.inf)
    return distances


def _from_differences(updates: Matrix, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the squared distances among some rows, from their differences."""
    condensed = np.zeros(rows.size * (rows.size - 1) // 2)

    def within(block: slice) -> NDArray[np.float64]:
        wide = updates[rows, block].astype(np.float64)
        return np.asarray(pdist(wide, "sqeuclidean"))

    for part in each_block(updates.shape[1], within):
        condensed += part
    return np.asarray(squareform(condensed))
