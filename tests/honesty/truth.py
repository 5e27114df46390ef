"""The truth about the base classifier, computed apart: NumPy in float64 and no more.

PGD as Madry et al. (ICLR 2018, equation 2.2) write it, on the cross-entropy and on the
margin of Carlini, Wagner (S&P 2017), from x and from random starts; an example stands
when it withstands all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Perceptron:
    """One hidden layer of ReLU: z = relu(x A + a) B + b."""

    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array

    def logits(self, x: Array) -> Array:
        return self._active(x) @ self.output + self.output_bias

    def _active(self, x: Array) -> Array:
        return np.maximum(x @ self.hidden + self.hidden_bias, 0)

    def gradient(self, x: Array, y: Array, loss: str) -> Array:
        """The gradient of a loss by x, worked out by hand."""
        active = self._active(x)
        z = active @ self.output + self.output_bias
        rows = np.arange(len(x))
        if loss == "ce":
            by_z = np.exp(z - z.max(1, keepdims=True))
            by_z /= by_z.sum(1, keepdims=True)
        else:
            others = z.copy()
            others[rows, y] = -np.inf
            by_z = np.eye(z.shape[1])[others.argmax(1)]
        by_z[rows, y] -= 1
        return ((by_z @ self.output.T) * (active > 0)) @ self.hidden.T


def standing(model: Perceptron, x: Array, y: Array, epsilon: float) -> Array:
    """Which (n, d) inputs are right, and stay right within epsilon."""
    rng = np.random.default_rng(0)
    stands = model.logits(x).argmax(1) == y
    low, high = np.maximum(x - epsilon, 0), np.minimum(x + epsilon, 1)
    for loss in ("ce", "margin"):
        for restart in range(4):
            start = x if restart == 0 else x + rng.uniform(-epsilon, epsilon, x.shape)
            at = np.clip(start, low, high)
            for _ in range(40):
                slope = np.sign(model.gradient(at, y, loss))
                at = np.clip(at + 2.5 * epsilon / 40 * slope, low, high)
                stands &= model.logits(at).argmax(1) == y
    return stands
