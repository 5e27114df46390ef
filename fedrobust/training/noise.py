"""Noise training: a control that separates augmentation from adversarial training.

    x' = clip(x + U(-epsilon, epsilon))   or   clip(x + N(0, epsilon^2))

It gives hardly any robustness to an adversary; adversarial training should do better.
Bound: epsilon >= 0; at 0 it is standard training.
"""

from dataclasses import dataclass

from fedrobust.backend import tf
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel, Tensor
from fedrobust.training.objective import Objective
from strategies.validation import require


@dataclass(frozen=True, kw_only=True)
class Noise(Objective):
    """Train on images with random noise.

    Parameters
    ----------
    epsilon
        Half width of the uniform noise, or standard deviation of the gaussian.
    distribution
        ``uniform`` or ``gaussian``.
    """

    epsilon: Epsilon = 0.3
    distribution: str = "uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require(
            self.distribution in ("uniform", "gaussian"),
            "distribution",
            self.distribution,
            "'uniform' or 'gaussian'",
        )

    def perturb(self, model: BoundModel, x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
        """Add noise and clip to [0, 1]."""
        if self.distribution == "uniform":
            noise = tf.random.stateless_uniform(tf.shape(x), seed, -1.0, 1.0)
        else:
            noise = tf.random.stateless_normal(tf.shape(x), seed)
        return tf.clip_by_value(x + float(self.epsilon) * noise, 0.0, 1.0)
