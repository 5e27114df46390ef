"""The rule of convolutions: the gradient of a kernel, one row of it at a time.

    dW[i, j] = sum_{p, q} x[s p + i, s q + j]^T g[p, q]

Inputs are cut into blocks of the stride's size, whose values become channels, so that
neighbouring blocks belong to neighbouring outputs. The blocks that a row of the kernel
meets are laid side by side once. Each row of blocks of the kernel is then a single
product of matrices for each example, over a contiguous slice.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf
from fedrobust.network.network import Tensor
from fedrobust.network.per_example.linear import bias_piece, is_long
from fedrobust.network.per_example.pieces import Materialised, Outer, Piece
from fedrobust.network.per_example.units import Call


class Geometry(NamedTuple):
    """Two sizes for each quantity: along the height and along the width."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    channels: int
    filters: int

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks that the kernel meets, rounded up."""
        (k, w), (s, t) = self.kernel, self.stride
        return -(-k // s), -(-w // t)

    def meets(self) -> NDArray[np.float32]:
        """Return (rows, columns x stride x stride x channels) ones within the kernel.

        Blocks may reach beyond it; there is a zero there.
        """
        (k, w), (s, t), (m, n) = self.kernel, self.stride, self.blocks
        i, j, a, b, _ = np.ogrid[:m, :n, :s, :t, : self.channels]
        inside = (s * i + a < k) & (t * j + b < w)
        full = np.broadcast_to(inside, (m, n, s, t, self.channels))
        return full.reshape(m, -1).astype(np.float32)

    def kernel_of(self, taps: Tensor) -> Tensor:
        """Return the (height, width, channels, filters) kernel of taps by blocks.

        Parameters
        ----------
        taps
            Values in the order (rows, columns, stride, stride, channels, filters).
        """
        (k, w), (s, t), (m, n) = self.kernel, self.stride, self.blocks
        taps = tf.reshape(taps, [m, n, s, t, self.channels, self.filters])
        taps = tf.transpose(taps, [0, 2, 1, 3, 4, 5])
        full = tf.reshape(taps, [m * s, n * t, self.channels, self.filters])
        return full[:k, :w]


def convolution(
    calls: Sequence[Call], upstream: Sequence[Tensor]
) -> dict[int, Piece] | None:
    """Return the pieces of a ``Conv1D`` or ``Conv2D`` layer; None if it is unusual.

    Groups, dilation, other layouts and sizes that are unknown are left to the gradient
    of the layer itself.
    """
    layer = calls[0].unit.layer
    images = [_image(call.x) for call in calls]
    gradients = [_image(g) for g in upstream]
    usual = (
        layer.data_format == "channels_last"
        and layer.groups == 1
        and max(layer.dilation_rate) == 1
        and layer.padding in ("same", "valid")
        and all(None not in t.shape[1:] for t in (*images, *gradients))
    )
    if not usual:
        return None
    pieces: dict[int, Piece] = {}
    if layer.kernel.trainable:
        pieces[id(layer.kernel)] = _kernel_piece(layer, images, gradients)
    if layer.use_bias and layer.bias.trainable:
        pieces[id(layer.bias)] = bias_piece(layer.bias, upstream)
    return pieces


def _kernel_piece(layer: Any, images: list[Tensor], upstream: list[Tensor]) -> Piece:
    ones = (1,) * (2 - layer.rank)
    geometry = Geometry(
        kernel=(*ones, *layer.kernel_size),
        stride=(*ones, *layer.strides),
        channels=images[0].shape[-1],
        filters=layer.filters,
    )
    is_same = layer.padding == "same"
    rows = [
        _rows(geometry, x, g.shape[1:3], is_same)
        for x, g in zip(images, upstream, strict=True)
    ]
    places = [g.shape[1] * g.shape[2] for g in upstream]
    flat = [
        tf.reshape(g, [-1, count, geometry.filters])
        for g, count in zip(upstream, places, strict=True)
    ]
    meets = geometry.meets()
    size = prod(layer.kernel.shape[:-1])
    if not is_long(sum(places), size, geometry.filters):
        patches = [tf.concat(each, axis=2) * meets.reshape(-1) for each in rows]
        return Outer(
            [tf.concat(patches, axis=1), tf.concat(flat, axis=1)],
            lambda matrix: tf.reshape(geometry.kernel_of(matrix), layer.kernel.shape),
        )

    def shaped(parts: list[Tensor]) -> Tensor:
        matrices = [tf.reshape(part, [geometry.filters, -1]) for part in parts]
        taps = tf.transpose(tf.stack(matrices), [0, 2, 1])
        return tf.reshape(geometry.kernel_of(taps), layer.kernel.shape)

    gradients = []
    for i in range(geometry.blocks[0]):
        products = [
            tf.matmul(g, row[i], transpose_a=True)
            for g, row in zip(flat, rows, strict=True)
        ]
        total = tf.add_n(products) if len(products) > 1 else products[0]
        gradients.append(total if meets[i].all() else total * meets[i])
    return Materialised(gradients, shaped)


def _rows(
    geometry: Geometry, x: Tensor, outputs: Sequence[int], is_same: bool
) -> list[Tensor]:
    """Return, for each row of blocks, (batch, outputs, taps) values that it meets."""
    (rows, columns), (m, n), (s, t) = outputs, geometry.blocks, geometry.stride
    framed = _framed(x, 1, rows, geometry, is_same)
    framed = _framed(framed, 2, columns, geometry, is_same)
    high, wide = rows + m - 1, columns + n - 1
    blocks = framed
    if s * t > 1:
        blocks = tf.reshape(framed, [-1, high, s, wide, t, geometry.channels])
        blocks = tf.transpose(blocks, [0, 1, 3, 2, 4, 5])
        blocks = tf.reshape(blocks, [-1, high, wide, s * t * geometry.channels])
    beside = [blocks[:, :, j : j + columns] for j in range(n)]
    joined = tf.concat(beside, axis=3) if n > 1 else beside[0]
    taps = joined.shape[3]
    return [
        tf.reshape(joined[:, i : i + rows], [-1, rows * columns, taps])
        for i in range(m)
    ]


def _framed(
    x: Tensor, axis: int, outputs: int, geometry: Geometry, is_same: bool
) -> Tensor:
    """Pad or cut an axis to the blocks that its outputs meet."""
    kernel, stride = geometry.kernel[axis - 1], geometry.stride[axis - 1]
    size, wanted = x.shape[axis], (outputs + geometry.blocks[axis - 1] - 1) * stride
    before = max((outputs - 1) * stride + kernel - size, 0) // 2 if is_same else 0
    after = wanted - before - size
    if after < 0:
        x = x[:, :after] if axis == 1 else x[:, :, :after]
    padding = [(0, 0)] * 4
    padding[axis] = (before, max(after, 0))
    return tf.pad(x, padding) if max(padding[axis]) else x


def _image(x: Tensor) -> Tensor:
    """Return (batch, steps, channels) as images of height 1."""
    return x[:, None] if len(x.shape) == 3 else x
