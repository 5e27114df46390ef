"""The shortest step from a point to a hyperplane, within the range of inputs.

    min |d|_p   such that   w.(x + d) = b,   low <= x + d <= high

Each value moves towards the plane by |d_i| = min(t s_i, room_i), with s_i = 1 for the
L-infinity norm and |w_i| for L2, and with the smallest t that reaches the plane (Croce,
Hein: Minimally distorted adversarial examples with a fast adaptive boundary attack,
ICML 2020, Section 2.2, who find t by sorting). The distance covered is a concave,
increasing, piecewise linear function of t, so Newton's method from 0 never overshoots
and ends on the right piece.
"""

from fedrobust.backend import tf
from fedrobust.network import Tensor

# Maximum number of Newton steps. More were never needed in practice, and the result of
# the last one is accurate enough.
MOST_STEPS = 30
# Share of the distance that may remain.
NEAR = 1e-6


def towards_hyperplane(
    x: Tensor, w: Tensor, b: Tensor, norm: str, low: float, high: float
) -> Tensor:
    """Return the shortest perturbations that reach the planes.

    If a plane does not meet the range, every value moves as far as the range allows. If
    w is zero, nothing moves.

    Parameters
    ----------
    x, w
        (rows, d) points in [low, high] and normals.
    b
        (rows,) offsets of the planes.
    norm
        ``linf`` or ``l2``.
    low, high
        Smallest and largest value of an input.

    Returns
    -------
    (rows, d) perturbations
    """
    missing = b - tf.reduce_sum(w * x, axis=1)
    direction = tf.sign(missing)[:, None] * tf.sign(w)
    room = tf.where(direction > 0, high - x, x - low)
    size = tf.abs(w)
    # Scaled by the largest weight, because squares of small gradients underflow.
    peak = tf.reduce_max(size, axis=1, keepdims=True)
    size = tf.math.divide_no_nan(size, peak)
    speed = tf.cast(size > 0, tf.float32) if norm == "linf" else size
    amount = tf.math.divide_no_nan(tf.abs(missing), peak[:, 0])

    def step(i: Tensor, t: Tensor, left: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        moved = tf.minimum(t[:, None] * speed, room)
        left = amount - tf.reduce_sum(size * moved, axis=1)
        moves = tf.cast(t[:, None] * speed < room, tf.float32)
        slope = tf.reduce_sum(size * speed * moves, axis=1)
        # A row that has reached its plane stays there while others continue.
        further = tf.where(left > NEAR * amount, left, 0.0)
        t = t + tf.math.divide_no_nan(further, slope)
        left = tf.where(slope > 0, left, 0.0)
        return i + 1, t, left

    def goes_on(i: Tensor, t: Tensor, left: Tensor) -> Tensor:
        return (i < MOST_STEPS) & tf.reduce_any(left > NEAR * amount)

    _, t, _ = tf.while_loop(
        goes_on, step, (tf.constant(0), tf.zeros_like(amount), amount)
    )
    return direction * tf.minimum(t[:, None] * speed, room)
