"""The Gaussian mechanism on updates: bound the length of each, and add noise.

Lengths and noise are computed in float64. Vectors are float32 before and after, and
NumPy's generator is not a cryptographic one, so the noise is no protection against
somebody who examines the last bits of single values (Mironov: On Significance of the
Least Significant Bits for Differential Privacy, CCS 2012) or searches for the state of
the generator.
"""

import numpy as np

from strategies.linalg.rows import Float, Matrix, Vector, clipped, norms
from strategies.preaggregators.clipping import scaled

# Rounding to float32 lengthens a row by a factor of at most 1 + 2^-24.
MARGIN = 1 - 2.0**-23


def clip_rows(updates: Matrix, clip: float) -> tuple[Matrix, Float]:
    """Shorten the rows that are longer than ``clip``.

    Parameters
    ----------
    updates
        (n, d) finite float32; it is not modified.
    clip
        The largest Euclidean norm of a row, above 0.

    Returns
    -------
    rows, lengths
        (n, d) float32, of which no row is longer than ``clip``, and rows that were not
        longer have the same bits; and the (n,) lengths before.
    """
    lengths = norms(updates)
    factors = clipped(lengths, clip)
    factors[lengths > clip] *= MARGIN
    return scaled(updates, factors), lengths


def add_noise(vector: Vector | Float, std: float, rng: np.random.Generator) -> Vector:
    """Add independent noise from N(0, std^2) to every value.

    Parameters
    ----------
    vector
        (d,) finite floats; it is not modified.
    std
        Standard deviation; with 0 nothing is drawn.
    rng
        What the noise is drawn from.

    Returns
    -------
    (d,) float32
        Values beyond float32 are infinite.
    """
    noise = rng.normal(scale=std, size=vector.shape) if std > 0 else 0.0
    with np.errstate(over="ignore"):
        return np.asarray(vector.astype(np.float64) + noise, np.float32)
