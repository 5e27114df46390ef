"""What the outputs of a model are, by their values: logits, or something that is not.

Attacks climb losses of logits. Probabilities and sigmoids lie in [0, 1], where the
cross-entropy hardly tells classes apart, and robust accuracy comes out too high.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["logits", "probabilities", "sigmoids"]

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
        Of several inputs; constant ones tell nothing, and count as logits.
    dtype
        What the model computed them in.

    Returns
    -------
    ``probabilities`` of outputs of at least 0 whose rows all have one sum, 1 or 100
    or any other; ``sigmoids`` of others in [0, 1]; ``logits``.
    """
    wide = np.asarray(outputs, np.float64)
    wide = wide[np.isfinite(wide).all(axis=1)]
    off = rounding(dtype)
    if len(wide) == 0 or wide.min() < 0:
        return "logits"
    sums, varied = wide.sum(axis=1), np.ptp(wide) > 0
    is_one = abs(sums - 1).max() <= off
    if wide.shape[1] > 1 and (is_one or (varied and np.ptp(sums) <= off * sums.max())):
        return "probabilities"
    return "sigmoids" if varied and wide.max() <= 1 + off else "logits"
