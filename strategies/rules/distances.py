"""Squared Euclidean distances between updates."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from strategies.rules.base import Matrix
from strategies.rules.rows import each_block


def squared_distances(updates: Matrix) -> NDArray[np.float64]:
    """Compute all pairwise squared distances, from differences and in float64.

    The usual |x|^2 + |y|^2 - 2xy loses every digit when updates are nearly equal, and
    then selects a wrong row; differences do not.

    Parameters
    ----------
    updates
        (n, d) matrix.

    Returns
    -------
    (n, n) float64
        Symmetric; the diagonal is infinite, so that no row is its own neighbour.
    """
    n, d = updates.shape
    condensed = np.zeros(n * (n - 1) // 2)

    def within(block: slice) -> NDArray[np.float64]:
        wide = updates[:, block].astype(np.float64)
        return np.asarray(pdist(wide, "sqeuclidean"))

    for part in each_block(d, within):
        condensed += part
    distances: NDArray[np.float64] = squareform(condensed)
    np.fill_diagonal(distances, np.inf)
    return distances
