"""FAB: find the nearest adversarial example by hopping along the decision boundary.

    c = argmin_c |f_c - f_y| / |grad (f_c - f_y)|_q      (the nearest linearised plane)
    d_1, d_2: the shortest steps from x_k and from x to that plane, within the range
    a = min(|d_1| / (|d_1| + |d_2|), alpha_max)
    x_k+1 = clip((1 - a)(x_k + eta d_1) + a (x + eta d_2))

If x_k+1 fools the model, it is moved back towards x, to x + beta (x_k+1 - x). Croce,
Hein: Minimally distorted adversarial examples with a fast adaptive boundary attack,
ICML 2020, Algorithm 1; q is 1 for L-infinity and 2 for L2. The authors' code can end
with a search between the best example and x; AutoAttack and this module omit it. The
targeted form, which AutoAttack uses, considers only the plane of one likely wrong class
in each pass. A result farther away than epsilon is moved into the ball, as for every
attack.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedrobust.attacks.ball import Ball, choose, draw_in_ball
from fedrobust.attacks.base import Attack, Draws
from fedrobust.attacks.gradient import Loss, value_and_gradient
from fedrobust.attacks.hyperplane import towards_hyperplane
from fedrobust.attacks.losses import is_fooled, likeliest_other, of_label
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class FAB(Attack):
    """Search for the nearest adversarial example.

    Parameters
    ----------
    steps
        Linearisations, at least 1.
    restarts
        Passes; the first starts at x, later ones within epsilon / 2 of x.
    targeted
        Attack towards one wrong class per pass, the likeliest first.
    targets
        Number of target classes; at most the number of wrong classes is used.
    alpha_max
        Largest weight of the step from x itself, in [0, 1].
    eta
        Factor by which steps overshoot the plane, at least 1.
    beta
        Share of the distance from x that is kept after a success, in (0, 1).
    """

    steps: int = 100
    restarts: int = 1
    targeted: bool = False
    targets: int = 9
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9

    nearest: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_between("restarts", self.restarts, 1)
        require_between("targets", self.targets, 1)
        require_between("alpha_max", self.alpha_max, 0, 1)
        require_between("eta", self.eta, 1)
        require(0 < self.beta < 1, "beta", self.beta, "in (0, 1)")

    def passes(self, num_classes: int) -> int:
        """Return restarts times target classes."""
        return self.restarts * self._num_targets(num_classes)

    def pass_name(self, attempt: int, num_classes: int) -> str:
        """Return the name of the variant, with the pass if there are several."""
        name = "FAB-T" if self.targeted else "FAB"
        count = self.passes(num_classes)
        return name if count == 1 else f"{name} {attempt + 1}/{count}"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the start of later restarts, in units of epsilon."""
        return (0.5 * draw_in_ball(rng, shape, self.norm),)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Return the nearest point found that fools the model, or x if none."""
        clean = model(x)
        num_targets = self._num_targets(int(clean.shape[1]))
        target = likeliest_other(y, clean, attempt % num_targets)
        # The search is bounded by the range only; the ball applies to its result.
        box = Ball(x, float("inf"), "linf", ball.low, ball.high)
        is_later = tf.cast(attempt >= num_targets, tf.float32)
        start = box.project(x + is_later * ball.epsilon * draws[0])
        flat = tf.reshape(x, [tf.shape(x)[0], -1])

        def hop(
            i: Tensor, at: Tensor, best: Tensor, distance: Tensor
        ) -> tuple[Tensor, ...]:
            difference, normal = self._nearest_plane(model, at, y, target)
            point = tf.reshape(at, tf.shape(flat))
            offset = tf.reduce_sum(normal * point, axis=1) - difference
            # One call for both starts: the steps from x_k and from x to the same plane.
            ways = towards_hyperplane(
                tf.concat([point, flat], 0),
                tf.concat([normal, normal], 0),
                tf.concat([offset, offset], 0),
                self.norm,
                ball.low,
                ball.high,
            )
            from_point, from_x = tf.split(ways, 2)
            share = self._share(from_point, from_x)[:, None]
            new = (1 - share) * (point + self.eta * from_point) + share * (
                flat + self.eta * from_x
            )
            new = box.project(tf.reshape(new, tf.shape(x)))
            fooled = is_fooled(y, model(new))
            far = ball.distance(new)
            nearer = fooled & (far < distance)
            best = choose(nearer, new, best)
            distance = tf.where(nearer, far, distance)
            at = choose(fooled, x + self.beta * (new - x), new)
            return i + 1, at, best, distance

        infinite = tf.fill(tf.shape(y), float("inf"))
        state = (tf.constant(0), start, x, infinite)
        _, _, best, _ = while_loop(lambda i, *_: i < self.steps, hop, state)
        return best

    def _num_targets(self, num_classes: int) -> int:
        return min(self.targets, num_classes - 1) if self.targeted else 1

    def _nearest_plane(
        self, model: BoundModel, at: Tensor, y: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return f_c - f_y, (batch,) values and (batch, d) gradients, at the points.

        c is the target, or the class whose linearised plane is nearest.
        """
        if self.targeted:
            return _linearised(
                model, at, lambda z: of_label(target, z) - of_label(y, z)
            )
        planes = [
            _linearised(model, at, lambda z, c=c: z[:, c] - of_label(y, z))  # type: ignore[misc]
            for c in range(model(at).shape[1])
        ]
        values = tf.stack([value for value, _ in planes], 1)
        normals = tf.stack([normal for _, normal in planes], 1)
        if self.norm == "linf":
            length = tf.reduce_sum(tf.abs(normals), axis=2)
        else:
            length = tf.norm(normals, axis=2)
        classes = tf.range(values.shape[1])
        # Neither the label's own class nor one with a zero gradient has a plane.
        ways = tf.where(
            (classes[None] == y[:, None]) | (length == 0),
            float("inf"),
            tf.math.divide_no_nan(tf.abs(values), length),
        )
        chosen = tf.argmin(ways, axis=1)
        value = tf.gather(values, chosen, batch_dims=1)
        return value, tf.gather(normals, chosen, batch_dims=1)

    def _share(self, from_point: Tensor, from_x: Tensor) -> Tensor:
        """Return the (batch,) weights of the step from x: small near the plane."""
        if self.norm == "linf":
            lengths = [tf.reduce_max(tf.abs(d), axis=1) for d in (from_point, from_x)]
        else:
            lengths = [tf.norm(d, axis=1) for d in (from_point, from_x)]
        share = tf.math.divide_no_nan(lengths[0], lengths[0] + lengths[1])
        return tf.minimum(share, self.alpha_max)


def _linearised(model: BoundModel, at: Tensor, function: Loss) -> tuple[Tensor, Tensor]:
    """Return (batch,) values of a function of the logits, and (batch, d) gradients."""
    _, value, gradient = value_and_gradient(model, at, function)
    flat = tf.reshape(gradient, [tf.shape(gradient)[0], -1])
    return value, tf.where(tf.math.is_finite(flat), flat, 0.0)
