"""DeepFool: step to the nearest boundary of the linearised model until one is crossed.

    c = argmin_c |f_c - f_y| / |w_c|_q,   w_c = grad (f_c - f_y) at x_k
    r_k = |f_c - f_y| / |w_c|_2^2 w_c     (l2)
    r_k = |f_c - f_y| / |w_c|_1 sign(w_c) (linf)
    x_k+1 = clip(x_k + r_k),   x' = clip(x + (1 + overshoot) (x_k - x))

Moosavi-Dezfooli, Fawzi, Frossard: DeepFool: a simple and accurate method to fool deep
neural networks, CVPR 2016, Algorithm 2 and Section 3.3; q is dual to the norm. The
attack leaves the class of the true label, not the predicted class. The paper does not
restrict the range of inputs. This module, like Foolbox, clips after each step instead
of only at the end, so that no step ends on a boundary outside the range. A result
farther away than epsilon is moved into the ball, as for every attack.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.attacks.ball import Ball, choose, lengths
from fedrobust.attacks.base import Attack
from fedrobust.attacks.gradient import value_and_gradient
from fedrobust.attacks.losses import is_fooled, likeliest_other, of_label
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class DeepFool(Attack):
    """Cross the nearest linearised boundary.

    Parameters
    ----------
    steps
        Linearisations, at least 1.
    overshoot
        Share by which the perturbation is lengthened to cross the boundary, at least 0.
    candidates
        Number of likeliest classes at x to consider, its own included; at least 2.
    """

    steps: int = 50
    overshoot: float = 0.02
    candidates: int = 10

    nearest: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_between("overshoot", self.overshoot, 0)
        require_between("candidates", self.candidates, 2)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Step until the example is misclassified."""
        clean = model(x)
        others = min(self.candidates, int(clean.shape[1])) - 1
        classes = [likeliest_other(y, clean, rank) for rank in range(others)]

        def crossed(total: Tensor) -> Tensor:
            moved = x + (1 + self.overshoot) * total
            return tf.clip_by_value(moved, ball.low, ball.high)

        def step(i: Tensor, total: Tensor, fooled: Tensor) -> tuple[Tensor, ...]:
            way = self._shortest(model, x + total, y, classes)
            inside = tf.clip_by_value(x + total + way, ball.low, ball.high) - x
            total = choose(fooled, total, inside)
            return i + 1, total, fooled | is_fooled(y, model(crossed(total)))

        def goes_on(i: Tensor, total: Tensor, fooled: Tensor) -> Tensor:
            return (i < self.steps) & ~tf.reduce_all(fooled)

        start = (tf.constant(0), tf.zeros_like(x), is_fooled(y, clean))
        _, total, _ = while_loop(goes_on, step, start)
        return crossed(total)

    def _shortest(
        self, model: BoundModel, at: Tensor, y: Tensor, classes: list[Tensor]
    ) -> Tensor:
        """Return the shortest step to a linearised boundary with one of the classes."""
        inner = list(range(1, len(at.shape)))
        best = tf.zeros_like(at)
        shortest = tf.fill(tf.shape(y), float("inf"))
        for c in classes:
            _, gap, w = value_and_gradient(
                model,
                at,
                lambda z, c=c: of_label(c, z) - of_label(y, z),  # type: ignore[misc]
            )
            w = tf.where(tf.math.is_finite(w), w, 0.0)
            if self.norm == "linf":
                dual = tf.reduce_sum(tf.abs(w), axis=inner, keepdims=True)
                direction = tf.sign(w)
            else:
                dual = lengths(w)
                direction = tf.math.divide_no_nan(w, dual)
            length = tf.math.divide_no_nan(tf.reshape(tf.abs(gap), dual.shape), dual)
            flat = tf.reshape(tf.where(dual > 0, length, float("inf")), [-1])
            nearer = flat < shortest
            best = choose(nearer, length * direction, best)
            shortest = tf.where(nearer, flat, shortest)
        return best
