"""Windows of images: their sizes, where they are put, and what is in them."""

import math

import numpy as np

from fedrobust.backend import tf
from fedrobust.network import Tensor


def place(best: Tensor, size: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Put a window anywhere in each image.

    Parameters
    ----------
    best
        (batch, height, width, channels) images.
    size
        (2,) height and width of the window.
    numbers
        (batch, 2) uniform in [0, 1).

    Returns
    -------
    rows, columns
        Each pixel's row and column in the window, negative before it:
        (batch, height, 1, 1) and (batch, 1, width, 1).
    """
    h, w = best.shape[1:3]
    room = tf.cast([h, w] - size + 1, tf.float32)
    corner = tf.cast(tf.floor(numbers * room), tf.int32)
    rows = np.arange(h)[None, :, None, None] - corner[:, 0, None, None, None]
    columns = np.arange(w)[None, None, :, None] - corner[:, 1, None, None, None]
    return rows, columns


def is_inside(size: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Tell which pixels are in the window: (batch, height, width, 1)."""
    in_rows = (rows >= 0) & (rows < size[0])
    in_columns = (columns >= 0) & (columns < size[1])
    return in_rows & in_columns


def signs(numbers: Tensor) -> Tensor:
    """Make (batch, 1, 1, channels) signs of (batch, channels) numbers in [0, 1)."""
    return tf.where(numbers < 0.5, -1.0, 1.0)[:, None, None, :]


def channel_lengths(x: Tensor) -> Tensor:
    """Compute L2 norms of channels: (batch, 1, 1, channels)."""
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=[1, 2], keepdims=True))


def sides(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Give height, width and channels of an input; a flat one is one row.

    Raises
    ------
    ValueError
        When it is no image.
    """
    if len(shape) == 1:
        return 1, shape[0], 1
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise ValueError(
        f"inputs have shape {shape}: Square needs (values,), (height, width) or "
        "(height, width, channels)"
    )


def window(p: float, h: int, w: int) -> tuple[int, int]:
    """Give height and width of a square of a share of an image, or of a strip."""
    side = max(round(math.sqrt(p * h * w)), 1)
    if side >= h:
        return h, min(max(round(p * w), 1), w)
    if side >= w:
        return min(max(round(p * h), 1), h), w
    return side, side


def wide_window(p: float, h: int, w: int) -> tuple[int, int]:
    """Give the window for l2: odd and at least 3, where the image has room for it."""
    height, width = window(p, h, w)
    return min(max(height, 3) | 1, h), min(max(width, 3) | 1, w)
