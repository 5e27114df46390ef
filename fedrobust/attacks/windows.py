"""Windows of images for the Square attack: sizes, positions and contents."""

import math

import numpy as np

from fedrobust.backend import tf
from fedrobust.network import Tensor


def place(best: Tensor, size: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Place a window at a random position of each image.

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
        (batch, height, 1, 1) and (batch, 1, width, 1): each pixel's row and column
        relative to the window's corner, negative before it.
    """
    h, w = best.shape[1:3]
    room = tf.cast([h, w] - size + 1, tf.float32)
    corner = tf.cast(tf.floor(numbers * room), tf.int32)
    rows = np.arange(h)[None, :, None, None] - corner[:, 0, None, None, None]
    columns = np.arange(w)[None, None, :, None] - corner[:, 1, None, None, None]
    return rows, columns


def is_inside(size: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the (batch, height, width, 1) mask of the pixels in the window."""
    in_rows = (rows >= 0) & (rows < size[0])
    in_columns = (columns >= 0) & (columns < size[1])
    return in_rows & in_columns


def signs(numbers: Tensor) -> Tensor:
    """Return (batch, 1, 1, channels) signs from (batch, channels) uniform numbers."""
    return tf.where(numbers < 0.5, -1.0, 1.0)[:, None, None, :]


def channel_lengths(x: Tensor) -> Tensor:
    """Return the (batch, 1, 1, channels) L2 norms of channels."""
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=[1, 2], keepdims=True))


def sides(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels of an input; a flat input is a single row.

    Raises
    ------
    ValueError
        When the input has more than three dimensions.
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
    """Return height and width of a window that covers a share p of an image."""
    side = max(round(math.sqrt(p * h * w)), 1)
    if side >= h:
        return h, min(max(round(p * w), 1), w)
    if side >= w:
        return min(max(round(p * h), 1), h), w
    return side, side


def wide_window(p: float, h: int, w: int) -> tuple[int, int]:
    """Return the window for l2, with odd sides of at least 3 if the image has room."""
    height, width = window(p, h, w)
    return min(max(height, 3) | 1, h), min(max(width, 3) | 1, w)
