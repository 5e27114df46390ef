"""The ball of an attack, which is the set of inputs it may return.

{ x' : |x' - x|_p <= epsilon, low <= x' <= high },   p = infinity or 2
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf

Tensor = Any
Images = NDArray[np.float32]
NORMS = ("linf", "l2")


@dataclass(frozen=True)
class Ball:
    """The ball around each input of a batch, up to float32 rounding.

    Attributes
    ----------
    center
        (batch, ...) inputs.
    epsilon
        The radius, a scalar or (batch, 1, ...).
    norm
        ``linf`` or ``l2``.
    low, high
        Smallest and largest value of an input.
    """

    center: Tensor
    epsilon: Tensor
    norm: str = "linf"
    low: float = 0.0
    high: float = 1.0

    def project(self, x: Tensor) -> Tensor:
        """Project to the ball; for l2, rescale the perturbation before clipping."""
        if self.norm == "linf":
            lower = tf.maximum(self.center - self.epsilon, self.low)
            upper = tf.minimum(self.center + self.epsilon, self.high)
            return tf.clip_by_value(x, lower, upper)
        offset = x - self.center
        shrink = tf.minimum(1.0, self.epsilon / tf.maximum(lengths(offset), 1e-12))
        return tf.clip_by_value(self.center + shrink * offset, self.low, self.high)

    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the step of length 1 that follows the gradient most closely.

        The step is zero where the gradient is zero or not finite.
        """
        gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
        if self.norm == "linf":
            return tf.sign(gradient)
        # Scaled first, because squares of small gradients underflow in float32.
        peak = tf.reduce_max(tf.abs(gradient), axis=_inner(gradient), keepdims=True)
        scaled = tf.math.divide_no_nan(gradient, peak)
        return tf.math.divide_no_nan(scaled, lengths(scaled))

    def distance(self, x: Tensor) -> Tensor:
        """Return the (batch,) distances to the centre in the ball's norm."""
        offset = x - self.center
        if self.norm == "linf":
            return tf.reduce_max(tf.abs(offset), axis=_inner(offset))
        return tf.reshape(lengths(offset), [-1])


def _inner(x: Tensor) -> list[int]:
    """Return all axes except the batch axis."""
    return list(range(1, len(x.shape)))


def lengths(x: Tensor) -> Tensor:
    """Return the (batch, 1, ...) L2 norms of examples."""
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=_inner(x), keepdims=True))


def each(values: Tensor, x: Tensor) -> Tensor:
    """Reshape (batch,) values so that they broadcast with (batch, ...) inputs."""
    return tf.reshape(values, [-1] + [1] * (len(x.shape) - 1))


def choose(condition: Tensor, x: Tensor, other: Tensor) -> Tensor:
    """Select whole examples from ``x`` or ``other`` by a (batch,) condition."""
    return tf.where(each(condition, x), x, other)


def into_ball(
    x_adv: Images,
    x: Images,
    epsilon: float,
    norm: str,
    model_range: tuple[float, float],
) -> Images:
    """Return inputs moved into the ball, exactly and not only up to rounding.

    Parameters
    ----------
    x_adv
        (n, ...) inputs; an example with a value that is not finite is replaced by x.
    x
        (n, ...) centres, in ``model_range``.
    epsilon, norm, model_range
        The ball.
    """
    axes = tuple(range(1, x.ndim))
    finite = np.isfinite(x_adv).all(axis=axes, keepdims=True)
    wide, center = np.where(finite, x_adv, x).astype(np.float64), x.astype(np.float64)
    offset = wide - center
    if norm == "linf":
        offset = np.clip(offset, -epsilon, epsilon)
    else:
        norms = np.sqrt((offset**2).sum(axis=axes, keepdims=True))
        # Slightly inside the ball, because the sum of squares is rounded.
        limit = epsilon * (1 - 1e-12)
        offset *= np.where(norms > limit, limit / np.maximum(norms, 1e-300), 1.0)
    near = (center + offset).astype(np.float32)
    # A value that rounding to float32 moved outside becomes the next one towards x.
    beyond = np.abs(near.astype(np.float64) - center) > np.abs(offset)
    near = np.where(beyond, np.nextafter(near, x), near)
    low, high = np.float32(model_range[0]), np.float32(model_range[1])
    return np.asarray(np.clip(near, low, high))


def draw_in_ball(rng: np.random.Generator, shape: tuple[int, ...], norm: str) -> Images:
    """Draw a point uniformly from the unit ball."""
    if norm == "linf":
        return rng.uniform(-1, 1, shape).astype(np.float32)
    direction = rng.standard_normal(shape)
    radius = rng.uniform() ** (1 / direction.size)
    return np.asarray(radius * direction / np.linalg.norm(direction), np.float32)
