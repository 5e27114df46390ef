"""BIM, or I-FGSM: FGSM in small steps, from x itself.

    x_0 = x,   x_t+1 = clip(x_t + a sign(grad CE(f(x_t), y)))

Kurakin, Goodfellow, Bengio: Adversarial Examples in the Physical World, ICLR workshop
2017, equation 2. Without a step size the ball's edge is reached in the last step.
"""

from dataclasses import dataclass

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.base import Attack, check_step_size
from fedrobust.attacks.gradient import climb, loss_of
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class BIM(Attack):
    """Take small steps from x.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    step_size
        In input units; None means epsilon / steps.
    """

    steps: int = 10
    step_size: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        check_step_size(self.step_size, self.steps, self.epsilon)

    def perturb(
        self,
        model: BoundModel,
        x: Tensor,
        y: Tensor,
        ball: Ball,
        draws: tuple[Tensor, ...],
        attempt: Tensor,
    ) -> Tensor:
        """Climb from x."""
        step_size = self.step_size or ball.epsilon / self.steps
        loss = loss_of("ce", model, x, y)
        return climb(model, x, loss, ball, step_size, self.steps)
