"""Clipping factors, and the result of clipping."""

from typing import NamedTuple

from fedrobust.backend import tf
from fedrobust.network.network import Tensor

# The smallest squared norm that is inverted.
TINY = 1e-30


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

    In float32 a clipped contribution may be longer than C by about 1e-7 of it, so that
    the noise is smaller over C by as much.

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
    factors = mask * tf.minimum(1.0, clip * tf.math.rsqrt(positive))
    return tf.where(tf.math.is_finite(squared_norms), factors, 0.0)
