"""Clipping factors, and the result of clipping."""

from typing import NamedTuple

from fedrobust.backend import tf
from fedrobust.network.network import Tensor

# The smallest squared norm that is inverted.
TINY = 1e-30
# Clipping aims a little below C, by more than float32 may err in norms and products.
MARGIN = 2.0**-20


class Clipped(NamedTuple):
    """The sum of the clipped gradients of a batch.

    Attributes
    ----------
    gradients
        The sum, in the order and shapes of the weights.
    norms
        (batch,) norms of the examples' gradients before clipping, over all weights.
    losses
        (batch,) losses of the examples.
    fixed
        Non-trainable variables after the calls of the model, in the model's order.
    """

    gradients: list[Tensor]
    norms: Tensor
    losses: Tensor
    fixed: list[Tensor]


def clipping_factors(squared_norms: Tensor, clip: Tensor, mask: Tensor) -> Tensor:
    """Return the factor m min(1, C / |g|) of each example; 0 if |g| is not finite.

    C is taken smaller by ``MARGIN``, so that rounding makes no contribution longer.

    Parameters
    ----------
    squared_norms
        (batch,) squared norms, which rounding may have left below 0.
    clip
        C, a scalar above 0.
    mask
        (batch,) 1 or 0, m.
    """
    positive = tf.maximum(squared_norms, TINY)
    aim = clip * (1.0 - MARGIN)
    factors = mask * tf.minimum(1.0, aim * tf.math.rsqrt(positive))
    return tf.where(tf.math.is_finite(squared_norms), factors, 0.0)
