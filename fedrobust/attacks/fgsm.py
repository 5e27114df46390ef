"""FGSM: one signed gradient step to the edge of the ball.

    x' = clip(x + epsilon * sign(grad_x CE(f(x), y)))

Goodfellow, Shlens, Szegedy: Explaining and Harnessing Adversarial Examples, ICLR 2015.
"""

from dataclasses import dataclass

from fedrobust.attacks.base import Attack, Ball, ascend_signs
from fedrobust.network import BoundModel, Tensor


@dataclass(frozen=True, kw_only=True)
class FGSM(Attack):
    """Take one step of size epsilon from x."""

    def perturb(
        self, model: BoundModel, x: Tensor, y: Tensor, ball: Ball, seeds: Tensor
    ) -> Tensor:
        """Step once."""
        return ascend_signs(model, x, y, ball, ball.epsilon, steps=1)
