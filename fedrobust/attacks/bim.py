"""BIM, also called I-FGSM: FGSM in small steps, started at x.

    x_0 = x,   x_t+1 = clip(x_t + a sign(grad CE(f(x_t), y)))

Kurakin, Goodfellow, Bengio: Adversarial Examples in the Physical World, ICLR workshop
2017, equation 2. With the default step size, only the last step can reach the boundary
of the ball.
"""

from dataclasses import dataclass

from fedrobust.attacks.ball import Ball
from fedrobust.attacks.base import Attack, check_step_size
from fedrobust.attacks.gradient import climb, loss_of
from fedrobust.network import BoundModel, Tensor
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class BIM(Attack):
    """Take small gradient steps from x.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    step_size
        Length of a step in input units, above 0; None means epsilon / steps.
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
        """Take gradient steps from x."""
        step_size = self.step_size or ball.epsilon / self.steps
        loss = loss_of("ce", model, x, y)
        return climb(model, x, loss, ball, step_size, self.steps)
