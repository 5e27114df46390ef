"""Square: a random search with shrinking windows that uses no gradient.

    x_i+1 = x_i + d  where  margin(x_i + d) > margin(x_i),  else x_i
    linf    d = +-2 e in a random window, one sign per channel, clipped to the ball
    l2      d moves the length of one random window, and the rest of e, to another

Andriushchenko, Croce, Flammarion, Hein: Square Attack: a query-efficient black-box
adversarial attack via random search, ECCV 2020, Algorithms 1 to 3. A window covers a
share p of the image. As in AutoAttack, p is halved after fixed numbers of queries,
whatever the budget; AutoAttack counts proposals from 0, so each halving comes one query
later there, and it does not count the start towards its 5,000 queries. Windows can
reach the last row and column, which the published code leaves out. If the square is
higher or wider than the image, as for flat inputs, the window is a strip of the same
area.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from fedrobust.attacks.ball import Ball, each, lengths
from fedrobust.attacks.base import Attack, Draws
from fedrobust.attacks.losses import is_fooled, margin
from fedrobust.attacks.patterns import eta, stripes, tiles
from fedrobust.attacks.windows import (
    channel_lengths,
    is_inside,
    place,
    sides,
    signs,
    wide_window,
    window,
)
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require, require_between

# p is halved after each of these queries.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Propose random windows, and keep those that raise the margin.

    Parameters
    ----------
    queries
        Number of queries of the model, at least 1; the start takes the first.
    p_init
        Share of the image in the first windows, in (0, 1].
    """

    queries: int = 5000
    p_init: float = 0.8

    queries_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("queries", self.queries, 1)
        require(0 < self.p_init <= 1, "p_init", self.p_init, "in (0, 1]")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the start, in units of epsilon, and uniform numbers for the queries."""
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
        """Search until the whole batch is fooled or no query is left."""
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
            # Compared in the graph, because i is a tensor.
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
    """Proposals for L-infinity: windows moved to the boundary of the ball.

    Attributes
    ----------
    ball
        The ball around (batch, height, width, channels) images.
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
    """Proposals for L2: perturbation moved from one window to another.

    Attributes
    ----------
    ball
        The ball around (batch, height, width, channels) images.
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
        # The new direction is the pattern plus the direction of the old perturbation.
        old = tf.where(filled, offset, 0.0)
        new = pattern + tf.math.divide_no_nan(old, channel_lengths(old))
        # The part of epsilon that clipping left unused is shared among the channels.
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
        """Return the pattern at each pixel; outside of the window it is arbitrary.

        TensorFlow cannot build patterns of varying size, so those of all levels and
        both orientations are tabulated.
        """
        h, w = best.shape[1:3]
        table = np.zeros((len(self.sizes), 2, h, w), np.float32)
        for i, (height, width) in enumerate(self.sizes):
            table[i, 0, :height, :width] = eta(height, width)
            table[i, 1, :height, :width] = eta(width, height).T
        turned = tf.reshape(tf.cast(turn < 0.5, tf.int32), [-1, 1, 1, 1])
        at = (turned * h + rows % h) * w + columns % w
        return tf.gather(tf.reshape(tf.gather(table, level), [-1]), at)


def share(p_init: float, i: int) -> float:
    """Return the share p of the image that query i changes; the start is query 0."""
    halved = sum(i > halving for halving in HALVINGS)
    return math.ldexp(p_init, -halved)
