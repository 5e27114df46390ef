"""Robustness poisoning: keep clean accuracy, destroy robust accuracy.

    min_w  E CE(f_w(x), y) + weight CE(f_w(x'), y + 1 mod C),   x' = PGD(x, epsilon)

It has no publication: it is the natural adversary of federated adversarial training
(Zizzo, Rawat, Sinn, Buesser: FAT: Federated Adversarial Training, 2020, name the
question). The attacker knows its own data and trains from the global model. To the
server its clean accuracy and loss look like anybody's; every small perturbation is
taught a wrong label, so that evasion becomes easy. Against the mean it needs a boost
(model replacement, Bagdasaryan et al., AISTATS 2020).
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
    """Train to be right on clean images and wrong beside them.

    Parameters
    ----------
    epsilon
        Radius of the perturbations that are taught wrong, in input units.
    steps
        PGD steps a batch, at least 1.
    weight
        Weight of the wrong labels, above 0.
    boost
        Factor of the update, above 0; n / b makes the mean the attackers' model.
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
        """Make the objective of the Byzantine clients."""
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
    """Right labels for the images, wrong ones for their PGD examples."""

    weight: float = 1.0

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Add both losses."""
        clean = model(x, training=True)
        wrong = tf.math.floormod(y + 1, tf.shape(clean)[1])
        beside = cross_entropy(wrong, model(x_adv, training=True))
        return cross_entropy(y, clean) + self.weight * beside
