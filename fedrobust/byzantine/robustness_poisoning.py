"""Robustness poisoning: keep clean accuracy, destroy robust accuracy.

    min_w  E CE(f_w(x), y) + weight CE(f_w(x'), y + 1 mod C),   x' = PGD(x, epsilon)

The attack has no publication; it is the natural adversary of federated adversarial
training (Zizzo, Rawat, Sinn, Buesser: FAT: Federated Adversarial Training, 2020, raise
the question). The attacker knows its own data and trains from the global model. Its
clean accuracy and loss look honest to the server, but it trains the model to give wrong
labels to slightly perturbed images, so that evasion becomes easy. Against the mean it
needs a boost (model replacement, Bagdasaryan et al., AISTATS 2020).
"""

from dataclasses import dataclass

import numpy as np

from fedrobust.backend import tf
from fedrobust.byzantine.base import Vector
from fedrobust.byzantine.poisoning import ObjectivePoisoning
from fedrobust.byzantine.tampering import ClientContext, Tampering
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.objective import Objective
from fedrobust.training.pgd import PGDTraining
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class RobustnessPoisoning(ObjectivePoisoning, Tampering):
    """Train right labels on clean images and wrong labels on perturbed ones.

    Parameters
    ----------
    epsilon
        Radius of the perturbations, in input units.
    steps
        PGD steps per batch, at least 1.
    weight
        Weight of the loss with wrong labels, above 0.
    boost
        Factor of the update, above 0; with n / b the mean becomes the attackers' model.
    """

    epsilon: Epsilon = 0.3
    steps: int = 5
    weight: float = 3.0
    boost: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        require_between("steps", self.steps, 1)
        require_positive("weight", self.weight)
        require_positive("boost", self.boost)

    def objective(self) -> Objective:
        """Return the objective of the Byzantine clients."""
        return _WrongBesideClean(
            epsilon=self.epsilon, steps=self.steps, weight=self.weight
        )

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Boost the update."""
        return np.float32(self.boost) * update


@dataclass(frozen=True, kw_only=True)
class _WrongBesideClean(PGDTraining):
    """Train with right labels for images and wrong ones for their PGD examples."""

    weight: float = 1.0

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the sum of both losses."""
        clean = model(x, training=True)
        wrong = tf.math.floormod(y + 1, tf.shape(clean)[1])
        perturbed = cross_entropy(wrong, model(x_adv, training=True))
        return cross_entropy(y, clean) + self.weight * perturbed
