"""Gradients of single examples by one weight, in the form that is cheapest to hold.

Each form has the squared norms of the examples' gradients and their weighted sum. The
weights of the sum, the clipping factors, depend on the norms of all layers.

Where a norm is a sum of products that may cancel, the rounding of these products is
added to it. An example whose gradient nearly cancels is then clipped too much, never
too little, which would break the bound on what it adds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fedrobust.backend import tf
from fedrobust.network.network import Tensor

# Rounding of a scalar product in float32, relative to the product of the norms.
ROUNDING = 2.0**-22


class Piece(Protocol):
    """The examples' gradients by one weight, made of tensors over the examples."""

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors, whose first axis is that of the examples."""

    def squared_norms(self) -> Tensor:
        """Return the (batch,) squared norms."""

    def weighted_sum(self, factors: Tensor) -> Tensor:
        """Return the sum over the examples, weighted by (batch,) factors."""


@dataclass(frozen=True)
class Materialised:
    """Gradients as they are, perhaps in parts and with their axes in another order.

    Attributes
    ----------
    tensors
        (batch, ...) parts of the gradients.
    shaped
        Function from the summed parts, as (1, size), to the weight's shape.
    """

    tensors: list[Tensor]
    shaped: Callable[[list[Tensor]], Tensor]

    def squared_norms(self) -> Tensor:
        """Return the sum of squares of all parts."""
        parts = [tf.reduce_sum(tf.square(flat(t)), axis=1) for t in self.tensors]
        return tf.add_n(parts)

    def weighted_sum(self, factors: Tensor) -> Tensor:
        """Return the weighted sum of the gradients, in the weight's shape."""
        return self.shaped([tf.matmul(factors[None], flat(t)) for t in self.tensors])


@dataclass(frozen=True)
class Outer:
    """Gradients a^T g of products with a matrix, which are not formed.

    Attributes
    ----------
    tensors
        (batch, positions, in) inputs a and (batch, positions, out) gradients g; without
        the second axis if there is one position.
    shaped
        Function from an (in, out) matrix to the weight's shape.
    """

    tensors: list[Tensor]
    shaped: Callable[[Tensor], Tensor]

    def squared_norms(self) -> Tensor:
        """Return |a^T g|^2 as the sum of the products of two Gram matrices."""
        a, g = self.tensors
        if len(a.shape) == 2:
            return tf.reduce_sum(a * a, axis=1) * tf.reduce_sum(g * g, axis=1)
        product = tf.matmul(a, a, transpose_b=True) * tf.matmul(g, g, transpose_b=True)
        rounding = (
            ROUNDING * tf.reduce_sum(tf.norm(a, axis=2) * tf.norm(g, axis=2), 1) ** 2
        )
        return tf.maximum(tf.reduce_sum(product, axis=(1, 2)), 0.0) + rounding

    def weighted_sum(self, factors: Tensor) -> Tensor:
        """Return the weighted sum as one product over all examples and positions."""
        a, g = self.tensors
        g = _weighted(g, factors)
        a, g = (tf.reshape(each, [-1, each.shape[-1]]) for each in (a, g))
        return self.shaped(tf.matmul(a, g, transpose_a=True))


@dataclass(frozen=True)
class Lookup:
    """Gradients by a table of which each example looks up some rows.

    Attributes
    ----------
    tensors
        (batch, positions) row numbers and (batch, positions, width) gradients at what
        was looked up.
    rows
        Number of rows of the table.
    """

    tensors: list[Tensor]
    rows: int

    def squared_norms(self) -> Tensor:
        """Return the sum of g_t . g_u over all positions t and u of equal rows."""
        numbers, g = self.tensors
        is_equal = tf.cast(numbers[:, :, None] == numbers[:, None, :], g.dtype)
        products = tf.matmul(g, g, transpose_b=True)
        sizes = tf.norm(g, axis=2)
        rounding = ROUNDING * sizes[:, :, None] * sizes[:, None, :]
        return tf.reduce_sum(is_equal * (products + rounding), axis=(1, 2))

    def weighted_sum(self, factors: Tensor) -> Tensor:
        """Return the table of weighted sums."""
        numbers, g = self.tensors
        g = tf.reshape(_weighted(g, factors), [-1, g.shape[-1]])
        return tf.math.unsorted_segment_sum(g, tf.reshape(numbers, [-1]), self.rows)


def in_shape_of(weight: Tensor) -> Callable[[list[Tensor]], Tensor]:
    """Return the ``shaped`` of gradients in one part, in the weight's own order."""
    return lambda parts: tf.reshape(parts[0], weight.shape)


def flat(tensor: Tensor) -> Tensor:
    """Return a (batch, ...) tensor as (batch, size)."""
    size = tensor.shape[1:].num_elements()
    return tensor if len(tensor.shape) == 2 else tf.reshape(tensor, [-1, size])


def _weighted(g: Tensor, factors: Tensor) -> Tensor:
    return g * tf.reshape(factors, [-1] + [1] * (len(g.shape) - 1))
