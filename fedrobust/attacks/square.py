"""Square: random search with windows that shrink; it needs no gradient.

    x_i+1 = x_i + d  where  margin(x_i + d) > margin(x_i),  else x_i
    linf    d = +-2 e in a random window, one sign a channel, clipped to the ball
    l2      d moves the length of one random window, and what is left of e, to another

Andriushchenko, Croce, Flammarion, Hein: Square Attack: a query-efficient black-box
adversarial attack via random search, ECCV 2020, Algorithms 1 to 3. A window covers the
share p of the image; p is halved after fixed numbers of queries, whatever the budget,
as AutoAttack does. Positions reach the last row and column, which the published code
leaves out. Where the square is higher or wider than the image, as for flat inputs, the
window is a strip of the same area.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.ball import Ball, each, lengths
from fedrobust.attacks.base import Attack, Draws
from fedrobust.attacks.losses import is_fooled, margin
from fedrobust.attacks.subject import Images
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.parameters import require, require_between

# After each of these queries p is halved.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# Rows and columns of tiles in the start of l2.
TILES = 5


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Try random windows, and keep what helps.

    Parameters
    ----------
    queries
        Answers of the model, at least 1; the start takes the first.
    p_init
        Share of the image in the first windows, in (0, 1].
    """

    queries: int = 5000
    p_init: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("queries", self.queries, 1)
        require(0 < self.p_init <= 1, "p_init", self.p_init, "in (0, 1]")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the start, in epsilons, and the uniform numbers of each later query."""
        h, w, c = sides(shape)
        if self.norm == "linf":
            start, count = stripes(rng, h, w, c), 2 + c
        else:
            start, count = tiles(rng, h, w, c), 5 + c
        numbers = rng.random((self.queries - 1, count), np.float32)
        return start.reshape(shape), numbers

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Search until all of the batch are fooled or no query is left."""
        start, numbers = draws
        shape = tuple(x.shape[1:])
        h, w, c = sides(shape)
        image = replace(ball, center=tf.reshape(x, [-1, h, w, c]))
        shares = [share(self.p_init, i + 1) for i in (0, *HALVINGS)]
        if self.norm == "linf":
            search: LinfSearch | L2Search = LinfSearch(
                image, [window(p, h, w) for p in shares]
            )
        else:
            search = L2Search(image, [wide_window(p, h, w) for p in shares])

        def ask(x: Tensor) -> tuple[Tensor, Tensor]:
            logits = model(tf.reshape(x, [-1, *shape]))
            return margin(y, logits), is_fooled(y, logits)

        def query(
            i: Tensor, best: Tensor, value: Tensor, fooled: Tensor
        ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            level = tf.reduce_sum(tf.cast(i > HALVINGS, tf.int32))
            candidate = search.propose(best, numbers[:, i - 1], level)
            new_value, fools = ask(candidate)
            taken = ~fooled & ((new_value > value) | fools)
            best = tf.where(each(taken, best), candidate, best)
            value = tf.where(taken, new_value, value)
            return i + 1, best, value, fooled | fools

        def goes_on(i: Tensor, best: Tensor, value: Tensor, fooled: Tensor) -> Tensor:
            return (i < self.queries) & ~tf.reduce_all(fooled)

        best = tf.reshape(ball.project(x + ball.epsilon * start), [-1, h, w, c])
        _, best, _, _ = while_loop(goes_on, query, (1, best, *ask(best)))
        return tf.reshape(best, [-1, *shape])


@dataclass(frozen=True)
class LinfSearch:
    """Windows moved to the edge of an L-infinity ball.

    Attributes
    ----------
    ball
        Around (batch, height, width, channels) images.
    sizes
        Height and width of the windows at each level of the schedule.
    """

    ball: Ball
    sizes: list[tuple[int, int]]

    def propose(self, best: Tensor, numbers: Tensor, level: Tensor) -> Tensor:
        """Move one window of each image; ``numbers`` is (batch, 2 + channels)."""
        size = tf.gather(self.sizes, level)
        inside = is_inside(size, *place(best, size, numbers[:, :2]))
        step = 2 * self.ball.epsilon * signs(numbers[:, 2:])
        return self.ball.project(tf.where(inside, best + step, best))


@dataclass(frozen=True)
class L2Search:
    """Length of the perturbation moved from one window to another.

    Attributes
    ----------
    ball
        Around (batch, height, width, channels) images.
    sizes
        Height and width of the windows at each level of the schedule.
    """

    ball: Ball
    sizes: list[tuple[int, int]]

    def propose(self, best: Tensor, numbers: Tensor, level: Tensor) -> Tensor:
        """Fill one window and empty another; ``numbers`` is (batch, 5 + channels)."""
        size = tf.gather(self.sizes, level)
        rows, columns = place(best, size, numbers[:, :2])
        filled = is_inside(size, rows, columns)
        emptied = is_inside(size, *place(best, size, numbers[:, 2:4]))
        offset = best - self.ball.center
        pattern = self._pattern(best, level, rows, columns, numbers[:, 4])
        pattern = tf.where(filled, pattern * signs(numbers[:, 5:]), 0.0)
        old = tf.where(filled, offset, 0.0)
        new = pattern + tf.math.divide_no_nan(old, channel_lengths(old))
        # What earlier clipping left of epsilon is shared by the channels.
        left = tf.maximum(self.ball.epsilon**2 - lengths(offset) ** 2, 0.0)
        channels = best.shape[3]
        touched = channel_lengths(tf.where(filled | emptied, offset, 0.0))
        length = tf.sqrt(left / channels + touched**2)
        new = length * tf.math.divide_no_nan(new, channel_lengths(new))
        offset = tf.where(filled, new, tf.where(emptied, 0.0, offset))
        unit = tf.math.divide_no_nan(offset, lengths(offset))
        return self.ball.project(self.ball.center + self.ball.epsilon * unit)

    def _pattern(
        self,
        best: Tensor,
        level: Tensor,
        rows: Tensor,
        columns: Tensor,
        turn: Tensor,
    ) -> Tensor:
        """Look up the pattern of each pixel; outside of the window it is anything."""
        h, w = best.shape[1:3]
        table = np.zeros((len(self.sizes), 2, h, w), np.float32)
        for i, (height, width) in enumerate(self.sizes):
            table[i, 0, :height, :width] = eta(height, width)
            table[i, 1, :height, :width] = eta(width, height).T
        turned = tf.reshape(tf.cast(turn < 0.5, tf.int32), [-1, 1, 1, 1])
        at = (turned * h + rows % h) * w + columns % w
        return tf.gather(tf.reshape(tf.gather(table, level), [-1]), at)


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


def share(p_init: float, i: int) -> float:
    """Give the share p of the image that query i changes; the start is query 0."""
    halved = sum(i > halving for halving in HALVINGS)
    return math.ldexp(p_init, -halved)


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


def stripes(rng: np.random.Generator, h: int, w: int, c: int) -> Images:
    """Draw a sign for each column and channel."""
    columns = rng.choice(np.array([-1, 1], np.float32), (1, w, c))
    return np.broadcast_to(columns, (h, w, c))


def tiles(rng: np.random.Generator, h: int, w: int, c: int) -> Images:
    """Draw tiles of patterns with random signs, of L2 norm 1 together."""
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
    """Make the pattern of a window: a positive half above a negative one, of norm 1.

    A single row is halved into left and right.
    """
    if height == 1 and width > 1:
        return eta(width, 1).T
    upper = height // 2
    halves = pyramid(upper, width), -pyramid(height - upper, width)
    pattern = np.concatenate(halves)
    return np.asarray(pattern / np.linalg.norm(pattern))


def pyramid(height: int, width: int) -> NDArray[np.float64]:
    """Sum rectangles around the centre, the k-th of height 1 / k^2; of norm 1.

    The value of a pixel depends on its distance to the centre alone: all rectangles
    from that size on cover it.
    """
    steps = 1 / np.arange(1.0, max(height, width) // 2 + 2) ** 2
    heights = steps[::-1].cumsum()[::-1]
    rows = np.abs(np.arange(height) - height // 2)
    columns = np.abs(np.arange(width) - width // 2)
    values = heights[np.maximum(rows[:, None], columns)]
    return np.asarray(values / max(np.linalg.norm(values), 1e-12))
