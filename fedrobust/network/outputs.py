"""The kind of a model's outputs, judged by their values: logits or something else.

Attacks maximise losses of logits. Probabilities and sigmoids lie in [0, 1], where the
cross-entropy hardly distinguishes classes, so robust accuracy would be too high.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["logits", "probabilities", "sigmoids"]

# The sum of probabilities, and the sum of percentages.
SUMS = (1.0, 100.0)
# With fewer distinct rows, nonnegative outputs may have equal sums by chance.
SEVERAL = 8

# The distance from 1 to the next float, for dtypes coarser than the base tolerance.
SPACING = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def rounding(dtype: Any) -> float:
    """Return the tolerance for a probability, or a sum of them, in a dtype."""
    return 1e-4 + 4 * SPACING.get(str(dtype), 0.0)


def kind_of(outputs: NDArray[Any], dtype: Any = np.float32) -> Kind:
    """Return the kind of outputs, ignoring rows that are not finite.

    Parameters
    ----------
    outputs
        (n, units) outputs for several inputs. Constant outputs count as logits unless
        they are probabilities or percentages.
    dtype
        Dtype in which the model computed the outputs.

    Returns
    -------
    ``probabilities`` if all outputs are nonnegative and all rows sum to 1 or to 100, or
    several distinct rows have the same sum; ``sigmoids`` for other outputs in [0, 1];
    else ``logits``.
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
    """Return whether enough distinct rows exclude that equal sums are by chance."""
    return len(np.unique(rows, axis=0)) >= SEVERAL
