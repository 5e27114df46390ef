"""Gradient scaling for models that compute in half precision.

float16 rounds values below about 6e-8 to zero, and the gradient of a confident model's
loss is smaller than that already at the logits. At the logits, the gradient of each
example is therefore multiplied by a power of two that brings its largest value to
[1, 2). At the inputs it is divided by the same factor, so the result is the unscaled
gradient. The method is that of Micikevicius et al.: Mixed Precision Training, ICLR
2018, Section 3.2, who use one factor for all examples.
"""

from typing import Any

from fedrobust.backend import tf

Tensor = Any

# First bit of the exponent of a float32, and the exponents of 1 and of infinity.
EXPONENT_BIT, OF_ONE, OF_INFINITY = 23, 127, 255


class GradientScaling:
    """A pair of identity functions that scale the gradient inside a model.

    The gradient first passes ``logits``, which determines the factors, then ``inputs``.
    """

    def __init__(self) -> None:
        self._exponent: Tensor = None

    def logits(self, logits: Tensor) -> Tensor:
        """Return (batch, classes) float32 logits unchanged; scale their gradient."""

        def passed(logits: Tensor) -> tuple[Tensor, Any]:
            def backward(gradient: Tensor) -> Tensor:
                peak = tf.reduce_max(tf.abs(gradient), axis=1)
                bits = tf.bitwise.right_shift(tf.bitcast(peak, tf.int32), EXPONENT_BIT)
                self._exponent = tf.clip_by_value(bits, 1, OF_INFINITY - 2)
                factor = _power_of_two(2 * OF_ONE - self._exponent)
                return gradient * factor[:, None]

            return tf.identity(logits), backward

        return tf.custom_gradient(passed)(logits)

    def inputs(self, x: Tensor) -> Tensor:
        """Return (batch, ...) float32 inputs unchanged; undo the gradient's scale."""

        def passed(x: Tensor) -> tuple[Tensor, Any]:
            def backward(gradient: Tensor) -> Tensor:
                factor = _power_of_two(self._exponent)
                return gradient * tf.reshape(factor, [-1] + [1] * (len(x.shape) - 1))

            return tf.identity(x), backward

        return tf.custom_gradient(passed)(x)


def _power_of_two(exponent: Tensor) -> Tensor:
    """Return 2^(exponent - 127), exactly."""
    return tf.bitcast(tf.bitwise.left_shift(exponent, EXPONENT_BIT), tf.float32)
