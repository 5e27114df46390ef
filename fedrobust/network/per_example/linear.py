"""The rules of dense layers: a product with a matrix at each position."""

from collections.abc import Sequence
from math import prod
from typing import Any

from fedrobust.backend import tf
from fedrobust.network.network import Tensor
from fedrobust.network.per_example.pieces import (
    Materialised,
    Outer,
    Piece,
    in_shape_of,
)
from fedrobust.network.per_example.units import Call


def matrix_piece(a: list[Tensor], g: list[Tensor], shaped: Any) -> Piece:
    """Return the gradients of products with one matrix.

    Parameters
    ----------
    a, g
        Inputs and gradients at the outputs of each product, as in ``Outer``.
    shaped
        Function from an (in, out) matrix to the weight's shape.
    """
    if len(a) == 1 and len(a[0].shape) == 2:
        return Outer([a[0], g[0]], shaped)
    positions = [x[:, None] if len(x.shape) == 2 else x for x in a]
    upstream = [y[:, None] if len(y.shape) == 2 else y for y in g]
    joined = [tf.concat(t, 1) if len(t) > 1 else t[0] for t in (positions, upstream)]
    steps, width, out = joined[0].shape[1], joined[0].shape[2], joined[1].shape[2]
    if is_long(steps, width, out):
        gradients = tf.matmul(*joined, transpose_a=True)
        return Materialised(
            [gradients], lambda parts: shaped(tf.reshape(parts[0], [width, out]))
        )
    return Outer(joined, shaped)


def is_long(steps: int | None, width: int, out: int) -> bool:
    """Return whether the gradient takes fewer numbers than its Gram matrices."""
    return steps is None or 2 * steps * (width + out) >= width * out


def dense(calls: Sequence[Call], upstream: Sequence[Tensor]) -> dict[int, Piece]:
    """Return the pieces of a ``Dense`` layer: a x W + b at every position."""
    layer = calls[0].unit.layer
    pieces: dict[int, Piece] = {}
    if layer.kernel.trainable:
        pieces[id(layer.kernel)] = matrix_piece(
            [_positions(call.x) for call in calls],
            [_positions(g) for g in upstream],
            lambda matrix: matrix,
        )
    if layer.bias is not None and layer.bias.trainable:
        pieces[id(layer.bias)] = bias_piece(layer.bias, upstream)
    return pieces


def bias_piece(bias: Any, upstream: Sequence[Tensor]) -> Piece:
    """Return the gradients of a bias on the last axis."""
    sums = [
        tf.reduce_sum(_positions(g), axis=1) if len(g.shape) > 2 else g
        for g in upstream
    ]
    return Materialised([tf.add_n(sums)], in_shape_of(bias))


def _positions(x: Tensor) -> Tensor:
    """Return (batch, ..., width) as (batch, positions, width), or (batch, width)."""
    if len(x.shape) <= 3:
        return x
    count = x.shape[1:-1].num_elements()
    return tf.reshape(x, [tf.shape(x)[0], -1 if count is None else count, x.shape[-1]])


def einsum_dense(
    calls: Sequence[Call], upstream: Sequence[Tensor]
) -> dict[int, Piece] | None:
    """Return the pieces of an ``EinsumDense`` layer; None for unusual equations.

    The letters of the kernel that the output lacks are those of the inputs of a matrix
    product, the others those of its outputs.
    """
    layer = calls[0].unit.layer
    inputs, rest = layer.equation.replace(" ", "").split(",")
    kernel, output = rest.split("->")
    batch = inputs[0]
    into = [letter for letter in kernel if letter not in output]
    out = [letter for letter in kernel if letter in output]
    places = [letter for letter in inputs[1:] if letter in output]
    usual = (
        "." not in layer.equation
        and output[0] == batch
        and sorted(inputs) == sorted([batch, *places, *into])
        and sorted(output) == sorted([batch, *places, *out])
        and None not in calls[0].x.shape[1:]
    )
    if not usual:
        return None
    sizes = dict(zip(kernel, layer.kernel.shape, strict=True))
    order = [*into, *out]

    def shaped(matrix: Tensor) -> Tensor:
        full = tf.reshape(matrix, [sizes[letter] for letter in order])
        return tf.transpose(full, [order.index(letter) for letter in kernel])

    def matrices(x: Tensor, letters: str, last: list[str]) -> Tensor:
        moved = tf.transpose(x, [letters.index(i) for i in (batch, *places, *last)])
        shape = [-1, prod(moved.shape[1 : 1 + len(places)])][: 1 + bool(places)]
        return tf.reshape(moved, [*shape, prod(sizes[letter] for letter in last)])

    pieces: dict[int, Piece] = {}
    if layer.kernel.trainable:
        pieces[id(layer.kernel)] = matrix_piece(
            [matrices(call.x, inputs, into) for call in calls],
            [matrices(g, output, out) for g in upstream],
            shaped,
        )
    if layer.bias is not None and layer.bias.trainable:
        axes = [i for i in range(1, len(output)) if output[i] not in layer.bias_axes]
        sums = [tf.reduce_sum(g, axes) for g in upstream]
        pieces[id(layer.bias)] = Materialised([tf.add_n(sums)], in_shape_of(layer.bias))
    return pieces
