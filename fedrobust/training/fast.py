"""Fast adversarial training: a random start and one signed step that overshoots.

    x_0 = clip(x + U(-epsilon, epsilon))
    x' = clip(x_0 + step epsilon sign(grad CE(f(x_0), y)))

Wong, Rice, Kolter: Fast is better than free: Revisiting adversarial training, ICLR
2020, Algorithm 3, where the step is 1.25 epsilon. It costs two gradients per batch
instead of eleven for ten steps of PGD. Training may suddenly overfit to the single step
(catastrophic overfitting): accuracy under PGD then falls to 0. The authors monitor it
and stop early. Bound: epsilon >= 0.
"""

from dataclasses import dataclass

from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Tensor
from fedrobust.training.objective import Objective
from fedrobust.training.pgd import PGDTraining
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class FastTraining(Objective):
    """Train on examples made by one long step from a random start.

    Parameters
    ----------
    epsilon
        Radius of the L-infinity ball, in input units.
    relative_step
        Length of the step in units of epsilon, above 0.
    warmup_rounds
        Round in which the linearly growing epsilon reaches its value; 0 for no warm-up.
    """

    epsilon: Epsilon = 0.3
    relative_step: float = 1.25
    warmup_rounds: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require_positive("relative_step", self.relative_step)
        require_between("warmup_rounds", self.warmup_rounds, 0)

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Run PGD for one step."""
        one_step = PGDTraining(
            epsilon=self.epsilon,
            steps=1,
            # A step of 0 is refused; for epsilon 0, None means a step of 0.
            step_size=self.relative_step * float(self.epsilon) or None,
            warmup_rounds=self.warmup_rounds,
        )
        return one_step.perturb(model, x, y, seed)
