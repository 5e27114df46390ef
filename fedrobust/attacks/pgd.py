"""PGD: signed gradient steps, projected to the ball after each.

    x_0 = clip(x + U(-epsilon, epsilon))
    x_t+1 = clip(x_t + a sign(grad CE(f(x_t), y)))

Madry, Makelov, Schmidt, Tsipras, Vladu: Towards Deep Learning Models Resistant to
Adversarial Attacks, ICLR 2018, equation 2.
"""

import warnings
from dataclasses import dataclass

from fedrobust.attacks.base import Attack, Ball, ascend_signs, uniform_each
from fedrobust.network import BoundModel, Tensor
from strategies.parameters import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    """Take many small steps.

    Parameters
    ----------
    steps
        Gradient steps, at least 1.
    step_size
        In input units; None means 2.5 epsilon / steps at each epsilon. A step that
        cannot cross the ball from its centre warns.
    random_start
        Start from a uniform draw in the ball instead of x.
    """

    steps: int = 40
    step_size: float | None = None
    random_start: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        if self.step_size is not None:
            require_positive("step_size", self.step_size)
            if self.step_size * self.steps < float(self.epsilon):
                warnings.warn(
                    f"{self.steps} steps of step_size={self.step_size} cannot cross a "
                    f"ball of epsilon={self.epsilon}: robust accuracy would be too "
                    "high; use step_size=None or more steps",
                    stacklevel=3,
                )

    def perturb(
        self, model: BoundModel, x: Tensor, y: Tensor, ball: Ball, seeds: Tensor
    ) -> Tensor:
        """Start in the ball and climb."""
        step_size = self.step_size or 2.5 * ball.epsilon / self.steps
        start = x
        if self.random_start:
            start = ball.project(x + ball.epsilon * uniform_each(seeds, x.shape[1:]))
        return ascend_signs(model, start, y, ball, step_size, self.steps)
