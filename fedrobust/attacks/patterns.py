"""The starting points of the Square attack, and the pattern of its L2 windows.

Andriushchenko, Croce, Flammarion, Hein: Square Attack, ECCV 2020, Section 3 (start),
and Algorithm 3 (eta).
"""

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.subject import Images

# Number of rows and columns of tiles in the start for l2.
TILES = 5


def stripes(rng: np.random.Generator, h: int, w: int, c: int) -> Images:
    """Draw vertical stripes: one random sign per column and channel."""
    columns = rng.choice(np.array([-1, 1], np.float32), (1, w, c))
    return np.broadcast_to(columns, (h, w, c))


def tiles(rng: np.random.Generator, h: int, w: int, c: int) -> Images:
    """Draw a grid of patterns with random signs, of L2 norm 1 in total."""
    height, width = max(h // TILES, 1), max(w // TILES, 1)
    rows, columns = h // height, w // width
    top, left = (h - rows * height) // 2, (w - columns * width) // 2
    patterns = eta(height, width), eta(width, height).T
    start = np.zeros((h, w, c))
    for row in range(top, top + rows * height, height):
        for column in range(left, left + columns * width, width):
            pattern = patterns[rng.integers(2)][:, :, None]
            tile = pattern * rng.choice([-1.0, 1.0], c)
            start[row : row + height, column : column + width] = tile
    return (start / np.linalg.norm(start)).astype(np.float32)


def eta(height: int, width: int) -> NDArray[np.float64]:
    """Return the pattern of a window: a positive half above a negative one, of norm 1.

    A single row is divided into a left and a right half.
    """
    if height == 1 and width > 1:
        return eta(width, 1).T
    upper = height // 2
    halves = pyramid(upper, width), -pyramid(height - upper, width)
    pattern = np.concatenate(halves)
    return np.asarray(pattern / np.linalg.norm(pattern))


def pyramid(height: int, width: int) -> NDArray[np.float64]:
    """Return a sum of nested centred rectangles, the k-th of height 1 / k^2, of norm 1.

    The value of a pixel depends only on its distance to the centre: the rectangles of
    at least that size cover it.
    """
    steps = 1 / np.arange(1.0, max(height, width) // 2 + 2) ** 2
    heights = steps[::-1].cumsum()[::-1]
    rows = np.abs(np.arange(height) - height // 2)
    columns = np.abs(np.arange(width) - width // 2)
    values = heights[np.maximum(rows[:, None], columns)]
    return np.asarray(values / max(np.linalg.norm(values), 1e-12))
