"""FGSM: one gradient step to the boundary of the ball.

    x' = clip(x + epsilon * sign(grad_x CE(f(x), y)))                (linf)
    x' = clip(x + epsilon * grad_x CE / |grad_x CE|_2)               (l2)

Goodfellow, Shlens, Szegedy: Explaining and Harnessing Adversarial Examples, ICLR 2015.
"""

from dataclasses import dataclass

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.base import Attack
from fedrobust.attacks.gradient import climb, loss_of
from fedrobust.network import BoundModel, Tensor


@dataclass(frozen=True, kw_only=True)
class FGSM(Attack):
    """Take one step of size epsilon from x."""

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Take the step."""
        loss = loss_of("ce", model, x, y)
        return climb(model, x, loss, ball, ball.epsilon, steps=1)
