"""FFGSM: a random start and one signed step that overshoots.

    x_0 = clip(x + U(-epsilon, epsilon))
    x' = clip(x_0 + step epsilon sign(grad CE(f(x_0), y)))

Wong, Rice, Kolter: Fast is better than free: Revisiting adversarial training, ICLR
2020, Algorithm 3, where the step is 1.25 epsilon.
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.attacks.ball import Ball, draw_in_ball
from fedrobust.attacks.base import Attack, Draws
from fedrobust.attacks.gradient import climb, loss_of
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class FFGSM(Attack):
    """Take one long step from a random start.

    Parameters
    ----------
    relative_step
        Length of the step in units of epsilon, above 0.
    """

    relative_step: float = 1.25

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("relative_step", self.relative_step)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the start, in units of epsilon."""
        return (draw_in_ball(rng, shape, self.norm),)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Take one step from the random start."""
        start = ball.project(x + ball.epsilon * draws[0])
        loss = loss_of("ce", model, x, y)
        return climb(model, start, loss, ball, self.relative_step * ball.epsilon, 1)
