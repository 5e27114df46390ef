"""What the outputs of a model are, by their values: logits, or something that is not.

Attacks climb losses of logits. Probabilities and sigmoids lie in [0, 1], where the
cross-entropy hardly tells classes apart, and robust accuracy comes out too high.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["logits", "probabilities", "sigmoids"]

# Sums that probabilities have, of one or of percent.
SUMS = (1.0, 100.0)
# Of fewer different rows, any outputs of at least 0 may have one sum by chance.
SEVERAL = 8

# From 1 to the next number, of floats that are coarser than what is allowed anyway.
SPACING = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def rounding(dtype: Any) -> float:
    """Return how much a probability, or a sum of them, may be off in a dtype."""
    return 1e-4 + 4 * SPACING.get(str(dtype), 0.0)


def kind_of(outputs: NDArray[Any], dtype: Any = np.float32) -> Kind:
    """Judge what (n, units) outputs are; rows that are not finite are left out.

    Parameters
    ----------
    outputs
        Of several inputs; constant ones tell little, and count as logits unless they
        are probabilities or percentages.
    dtype
        What the model computed them in.

    Returns
    -------
    ``probabilities`` of outputs of at least 0 whose rows all have the sum 1 or 100, or
    of which several have any other; ``sigmoids`` of others in [0, 1]; ``logits``.
    """
    wide = np.asarray(outputs, np.float64)
    wide = wide[np.isfinite(wide).all(axis=1)]
    off = rounding(dtype)
    if len(wide) == 0 or wide.min() < 0:
        return "logits"
    sums = wide.sum(axis=1)
    is_known = any(abs(sums - known).max() <= off * known for known in SUMS)
    is_one_sum = np.ptp(sums) <= off * sums.max()
    if wide.shape[1] > 1 and (is_known or (is_one_sum and _has_several(wide))):
        return "probabilities"
    is_share = np.ptp(wide) > 0 and wide.max() <= 1 + off
    return "sigmoids" if is_share else "logits"


def _has_several(rows: NDArray[Any]) -> bool:
    """Whether so many rows differ that a common sum is no coincidence."""
    return len(np.unique(rows, axis=0)) >= SEVERAL
