"""Free adversarial training: one backward pass for the weights and the perturbation.

    each batch m times:  x' = clip(x + delta)
                         g_w, g_x = gradients of CE(f(x'), y) by w and by x'
                         delta <- clip(delta + epsilon sign(g_x), -epsilon, epsilon)
                         w <- optimiser step on g_w

Shafahi et al.: Adversarial training for free!, NeurIPS 2019, Algorithm 1. delta is not
reset between batches, but this module resets it in every round. The authors' code
differentiates with respect to delta through the clip, so that a pixel at the end of its
range does not move. A step costs as much as a standard one. For the same number of
steps, train for 1 / m of the epochs, as the authors do. Bound: epsilon >= 0.
"""

from dataclasses import dataclass

from fedrobust.backend import tf
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Tensor
from fedrobust.training.objective import Objective
from fedrobust.training.warmup import warmup
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class FreeTraining(Objective):
    """Train on perturbations that are carried from step to step.

    Parameters
    ----------
    epsilon
        Radius of the L-infinity ball, in input units, and length of a step.
    replays
        Steps on each batch, at least 2; m.
    warmup_rounds
        Round in which the linearly growing epsilon reaches its value; 0 for no warm-up.
    """

    epsilon: Epsilon = 0.3
    replays: int = 8
    warmup_rounds: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require_between("replays", self.replays, 2)
        require_between("warmup_rounds", self.warmup_rounds, 0)

    @property
    def separate(self) -> bool:
        """False, as a perturbation passes from one example to the next."""
        return False

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Add the perturbation that previous steps left."""
        return tf.clip_by_value(x + model.delta, 0.0, 1.0)

    def advance(self, delta: Tensor, gradient: Tensor, round: Tensor) -> Tensor:
        """Return the perturbation after one signed step along the input gradient."""
        epsilon = warmup(self.warmup_rounds, round) * float(self.epsilon)
        return tf.clip_by_value(delta + epsilon * tf.sign(gradient), -epsilon, epsilon)
