"""PGD: gradient steps, each followed by a projection to the ball.

    x_0 = clip(x + U(ball))
    x_t+1 = clip(x_t + a sign(grad loss(f(x_t), y)))         (l2: grad / |grad|_2)

Madry, Makelov, Schmidt, Tsipras, Vladu: Towards Deep Learning Models Resistant to
Adversarial Attacks, ICLR 2018, equation 2.2. The loss is the cross-entropy, or the
margin of Carlini, Wagner (S&P 2017), or the KL divergence of Zhang et al. (TRADES, ICML
2019).
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.attacks.ball import Ball, draw_in_ball
from fedrobust.attacks.base import Attack, Draws, check_step_size
from fedrobust.attacks.gradient import climb, loss_of, require_loss
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    """Take many small gradient steps.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    step_size
        Length of a step in input units, above 0; None means 2.5 epsilon / steps for
        each epsilon. Steps that together are shorter than epsilon raise a warning.
    random_start
        Start from a uniform draw in the ball instead of x.
    loss
        ``ce``, ``margin``, or ``kl``, whose gradient at x itself is zero.
    restarts
        Passes with different starts, on the examples that are still robust.
    """

    steps: int = 40
    step_size: float | None = None
    random_start: bool = True
    loss: str = "ce"
    restarts: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_loss(self.loss)
        require_between("restarts", self.restarts, 1)
        require(
            self.random_start or self.restarts == 1,
            "restarts",
            self.restarts,
            "1 without random_start, because all passes would be the same",
        )
        require(
            self.random_start or self.loss != "kl",
            "random_start",
            self.random_start,
            "true with loss=kl, whose gradient is zero at x",
        )
        check_step_size(self.step_size, self.steps, self.epsilon)

    def passes(self, num_classes: int) -> int:
        """Return the number of restarts."""
        return self.restarts

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
        """Draw the start, in units of epsilon."""
        return (draw_in_ball(rng, shape, self.norm),) if self.random_start else ()

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Take gradient steps from the start."""
        step_size = self.step_size or 2.5 * ball.epsilon / self.steps
        start = ball.project(x + ball.epsilon * draws[0]) if self.random_start else x
        loss = loss_of(self.loss, model, x, y)
        return climb(model, start, loss, ball, step_size, self.steps)
