"""Squared Euclidean distances between updates."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from strategies.linalg.rows import Matrix, each_block, gram

# Below this share of |x|^2 + |y|^2 a distance is computed anew. Above it, inner
# products in float64 leave it eleven digits.
CLOSE = 1e-4


def squared_distances(
    updates: Matrix, products: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Compute all pairwise squared distances in float64.

    By |x|^2 + |y|^2 - 2xy, which is one matrix product, and which loses every digit
    when updates are nearly equal: those pairs are computed from their differences.

    Parameters
    ----------
    updates
        (n, d) matrix.
    products
        (n, n) their inner products, where they are known.

    Returns
    -------
    (n, n) float64
        Symmetric; the diagonal is infinite, so that no row is its own neighbour.
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
    """Compute the distances among some rows."""
    condensed = np.zeros(rows.size * (rows.size - 1) // 2)

    def within(block: slice) -> NDArray[np.float64]:
        wide = updates[rows, block].astype(np.float64)
        return np.asarray(pdist(wide, "sqeuclidean"))

    for part in each_block(updates.shape[1], within):
        condensed += part
    return np.asarray(squareform(condensed))
