"""APGD: projected gradient ascent with momentum and adaptive step sizes.

    z = P(x_k + s_k step(grad loss(x_k)))
    x_k+1 = P(x_k + 0.75 (z - x_k) + 0.25 (x_k - x_k-1)),   s_0 = 2 epsilon

At each checkpoint, an example restarts from its best point with half the step if its
loss rose in at most a share rho of the steps since the last checkpoint, or if neither
its best loss nor its step size has changed since then. Croce, Hein: Reliable Evaluation
of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks, ICML 2020,
Algorithm 1. The checkpoints are those of the authors' code, which rounds down. The
start lies on the boundary of the ball.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.ball import Ball, choose, each
from fedrobust.attacks.base import Attack, Draws
from fedrobust.attacks.gradient import Loss, value_and_gradient
from fedrobust.attacks.losses import (
    dlr,
    is_fooled,
    likeliest_other,
    targeted_dlr,
)
from fedrobust.backend import tf, while_loop
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from strategies.validation import require, require_between

MOMENTUM = 0.75
# The variables of the loop by name; each holds one value or one input per example.
State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class APGD(Attack):
    """Maximise a loss with momentum, halving the step when progress stops.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    loss
        ``ce``, or ``dlr``, which needs three classes, or four when targeted.
    targeted
        Attack towards one wrong class per pass, the likeliest first.
    targets
        Number of target classes; at most the number of wrong classes is used.
    restarts
        Passes with different starts, on the examples that are still robust.
    rho
        Share of the steps in which the loss must rise, in (0, 1).
    """

    steps: int = 100
    loss: str = "ce"
    targeted: bool = False
    targets: int = 9
    restarts: int = 1
    rho: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require(self.loss in ("ce", "dlr"), "loss", self.loss, "ce or dlr")
        require_between("targets", self.targets, 1)
        require_between("restarts", self.restarts, 1)
        require(0 < self.rho < 1, "rho", self.rho, "in (0, 1)")

    @property
    def min_classes(self) -> int:
        """2 for ``ce``; 3 or 4 for ``dlr``, which divides by gaps of top logits."""
        return 2 if self.loss == "ce" else 4 if self.targeted else 3

    def passes(self, num_classes: int) -> int:
        """Return restarts times target classes."""
        return self.restarts * self._num_targets(num_classes)

    def pass_name(self, attempt: int, num_classes: int) -> str:
        """Return the name of the variant, with the pass if there are several."""
        name = "APGD-T" if self.targeted else f"APGD-{self.loss.upper()}"
        count = self.passes(num_classes)
        return name if count == 1 else f"{name} {attempt + 1}/{count}"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw a start on the boundary of the ball, in units of epsilon."""
        if self.norm == "linf":
            values = rng.uniform(-1, 1, shape)
            return (np.asarray(values / np.abs(values).max(), np.float32),)
        values = rng.standard_normal(shape)
        return (np.asarray(values / np.linalg.norm(values), np.float32),)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Return the first point that fools the model, else the one of highest loss."""
        loss = self._loss(model, x, y, attempt)
        is_checkpoint, intervals = map(tf.constant, checkpoints(self.steps))
        start = ball.project(x + ball.epsilon * draws[0])
        first_logits, value, gradient = value_and_gradient(model, start, loss)
        fooled = is_fooled(y, first_logits)
        zeros = tf.zeros_like(value)
        state = {
            "x": start,
            "previous": start,
            "gradient": gradient,
            "value": value,
            "best": start,
            "best_gradient": gradient,
            "best_value": value,
            "step": zeros + 2 * ball.epsilon,
            "rises": zeros,
            "best_before": value,
            "was_halved": tf.ones_like(fooled),
            "fooled": fooled,
            "adversarial": start,
        }

        def advance(i: Tensor, s: State) -> tuple[Tensor, dict[str, Tensor]]:
            old, step = s["x"], each(s["step"], x)
            z = ball.project(old + step * ball.steepest(s["gradient"]))
            # The first step has no previous point to take momentum from.
            share = tf.where(tf.equal(i, 0), 1.0, MOMENTUM)
            new = ball.project(
                old + share * (z - old) + (1 - share) * (old - s["previous"])
            )
            logits, value, gradient = value_and_gradient(model, new, loss)
            # Fooled examples go on with their batch, but their first success counts.
            newly = is_fooled(y, logits) & ~s["fooled"]
            better = value > s["best_value"]
            s = {
                **s,
                "x": new,
                "previous": old,
                "gradient": gradient,
                "rises": s["rises"] + tf.cast(value > s["value"], tf.float32),
                "value": value,
                "best": choose(better, new, s["best"]),
                "best_gradient": choose(better, gradient, s["best_gradient"]),
                "best_value": tf.where(better, value, s["best_value"]),
                "fooled": s["fooled"] | newly,
                "adversarial": choose(newly, new, s["adversarial"]),
            }
            s = _adapt(s, is_checkpoint[i], intervals[i], self.rho)
            return i + 1, s

        def goes_on(i: Tensor, s: State) -> Tensor:
            return (i < self.steps) & ~tf.reduce_all(s["fooled"])

        _, state = while_loop(goes_on, advance, (tf.constant(0), state))
        return choose(state["fooled"], state["adversarial"], state["best"])

    def _num_targets(self, num_classes: int) -> int:
        return min(self.targets, num_classes - 1) if self.targeted else 1

    def _loss(self, model: BoundModel, x: Tensor, y: Tensor, attempt: Tensor) -> Loss:
        """Return the loss of this pass; its targets are likely wrong classes at x."""
        if not self.targeted:
            function: Callable[[Tensor, Tensor], Tensor]
            function = cross_entropy if self.loss == "ce" else dlr
            return lambda logits: function(y, logits)
        clean = model(x)
        rank = attempt % self._num_targets(int(clean.shape[1]))
        targets = likeliest_other(y, clean, rank)
        if self.loss == "ce":
            return lambda logits: -cross_entropy(targets, logits)
        return lambda logits: targeted_dlr(y, targets, logits)


def checkpoints(steps: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return the steps after which the step size is reconsidered.

    Returns
    -------
    is_checkpoint
        (steps,) bool
    interval
        (steps,) float32: at a checkpoint, the number of steps since the previous one.
    """
    interval = max(int(0.22 * steps), 1)
    shortest, shorter = max(int(0.06 * steps), 1), max(int(0.03 * steps), 1)
    ends = np.zeros(steps, bool)
    lengths = np.ones(steps, np.float32)
    at = interval
    while at <= steps:
        ends[at - 1], lengths[at - 1] = True, interval
        interval = max(interval - shorter, shortest)
        at += interval
    return ends, lengths


def _adapt(s: State, now: Tensor, interval: Tensor, rho: float) -> State:
    """Halve the step and return to the best point, at checkpoints and where needed."""
    oscillates = s["rises"] <= rho * interval
    # A step that was just halved gets one more interval before it counts as stuck.
    stuck = ~s["was_halved"] & (s["best_before"] >= s["best_value"])
    halve = now & (oscillates | stuck)
    return {
        **s,
        "step": tf.where(halve, s["step"] / 2, s["step"]),
        "x": choose(halve, s["best"], s["x"]),
        "gradient": choose(halve, s["best_gradient"], s["gradient"]),
        "was_halved": tf.where(now, halve, s["was_halved"]),
        "best_before": tf.where(now, s["best_value"], s["best_before"]),
        "rises": tf.where(now, 0.0, s["rises"]),
    }
