"""The input gradient of convolutions over few channels, as a convolution over blocks.

The gradient with respect to an image of one or three channels is a convolution with
that many filters, which leaves most of a vector unit idle. This module cuts the image
into blocks, and computes all values of a block by one convolution over the gradient of
the output,

    dx[block i, place b] = sum_q dy[i B / s + q] W[q, b],
    W[q, b] = sum_k w[k] where b + pad = s q + k,

with stride s and blocks of B x B. This takes more multiplications, but is several times
as fast. Attacks use it in every step (``fedrobust.attacks.gradient``). TensorFlow's own
gradient serves the convolutions that are not covered.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf

Tensor = Any

NAME = "FedrobustConv2D"
# Largest number of filters of the convolution: the floats of a vector register.
FILTERS = 16


def fast_input_gradients() -> AbstractContextManager[Any]:
    """Use this gradient for all convolutions that are traced within the context."""
    if tf.executing_eagerly():
        return nullcontext()
    _register()
    override: AbstractContextManager[Any] = (
        tf.compat.v1.get_default_graph().gradient_override_map({"Conv2D": NAME})
    )
    return override


@lru_cache(maxsize=1)
def _register() -> None:
    tf.RegisterGradient(NAME)(_gradients)


def _gradients(op: Any, upstream: Tensor) -> list[Tensor]:
    """Return the gradients of a ``Conv2D`` at its inputs and at its filters."""
    x, filters = op.inputs
    names = ("strides", "padding", "explicit_paddings", "dilations", "data_format")
    how = {name: op.get_attr(name) for name in names}
    by_filters = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=tf.shape(filters), out_backprop=upstream, **how
    )
    (_, stride, across, _), padding = how["strides"], how["padding"]
    covered = (
        x.shape[1:].is_fully_defined()
        and how["data_format"] == b"NHWC"
        and padding in (b"SAME", b"VALID")
        and stride == across
        and max(how["dilations"]) == 1
        and filters.shape[2] == x.shape[3]
    )
    block = block_size(x.shape[3], stride) if covered else None
    if block is None:
        by_input = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=filters, out_backprop=upstream, **how
        )
    else:
        shape = x.shape[1:].as_list()
        same = padding == b"SAME"
        by_input = input_gradient(shape, filters, upstream, stride, same, block)
    return [by_input, by_filters]


def block_size(channels: int, stride: int) -> int | None:
    """Return the largest block with at most ``FILTERS`` values, or None."""
    sizes = [b for b in (2, 4) if b % stride == 0 and b * b * channels <= FILTERS]
    return max(sizes, default=None)


def input_gradient(
    shape: list[int],
    filters: Tensor,
    upstream: Tensor,
    stride: int,
    same: bool,
    block: int,
) -> Tensor:
    """Return the gradient of a convolution at its input.

    Parameters
    ----------
    shape
        (height, width, channels) of the input.
    filters
        (k, l, channels, out) filters.
    upstream
        (batch, rows, columns, out) gradient at the output.
    stride
        Stride of the convolution in both directions.
    same
        Whether the padding is "SAME"; otherwise it is "VALID".
    block
        Height and width of a block, a multiple of the stride.

    Returns
    -------
    (batch, height, width, channels) gradient
    """
    height, width, channels = shape
    kernel_rows, kernel_columns, _, out = filters.shape
    down, up_down = _axis(height, kernel_rows, upstream.shape[1], stride, same, block)
    across, up_across = _axis(
        width, kernel_columns, upstream.shape[2], stride, same, block
    )
    places = [tf.cast(meets, filters.dtype) for meets in (down, across)]
    kernels = tf.einsum("qkb,rlc,klio->qrobci", *places, filters)
    kernels = tf.reshape(
        kernels, (len(down), len(across), out, block * block * channels)
    )
    framed = tf.pad(upstream, [(0, 0), up_down, up_across, (0, 0)])
    framed = framed[:, : _used(height, block, stride, len(down))]
    framed = framed[:, :, : _used(width, block, stride, len(across))]
    blocks = tf.nn.conv2d(framed, kernels, block // stride, "VALID")
    return tf.nn.depth_to_space(blocks, block)[:, :height, :width]


def _axis(
    size: int, kernel: int, outputs: int, stride: int, same: bool, block: int
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Relate outputs, kernel taps and values of a block along one axis.

    Returns
    -------
    meets
        (window, kernel, block) ones where output and value meet at the tap, else zeros.
    padding
        Padding of the outputs, so that the window starts at the first block and ends at
        the last.
    """
    before = 0
    if same:
        before = max((outputs - 1) * stride + kernel - size, 0) // 2
    first = -((kernel - 1 - before) // stride)
    last = (block - 1 + before) // stride
    q, k, b = np.ogrid[first : last + 1, :kernel, :block]
    meets = (b + before - stride * q == k).astype(np.float32)
    used = _used(size, block, stride, len(meets))
    return meets, (-first, max(used + first - outputs, 0))


def _used(size: int, block: int, stride: int, window: int) -> int:
    """Return the number of outputs, with padding, that the blocks of an axis use."""
    return (-(-size // block) - 1) * (block // stride) + window
