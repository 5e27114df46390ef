"""ALP: train on clean and PGD examples, and pull the logits of each pair together.

    min_w  (CE(f(x), y) + CE(f(x'), y)) / 2 + weight mean_k (f_k(x) - f_k(x'))^2

Kannan, Kurakin, Goodfellow: Adversarial logit pairing, arXiv:1803.06373, 2018, on their
mixed-minibatch PGD. As coded are the mean of the cross-entropy over both halves, the
mean of the squares over the logits, and one forward pass for both halves. Their code
for ImageNet attacks towards a target class and smooths labels by 0.1; here neither.
Engstrom, Ilyas, Athalye (arXiv:1807.10272, 2018) broke their ImageNet model.
"""

from dataclasses import dataclass

from fedrobust.backend import tf
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import PGDObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class ALP(PGDObjective):
    """Train on pairs of clean and PGD examples whose logits should agree.

    Parameters
    ----------
    weight
        Weight of the squared difference of logits, at least 0.
    """

    weight: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("weight", self.weight, 0)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Add the pairing to the mean cross-entropy of both halves."""
        # In one pass, so that batch statistics are those of the mixed batch.
        logits = model(tf.concat([x, x_adv], axis=0), training=True)
        clean, attacked = tf.split(logits, 2)
        both = 0.5 * (cross_entropy(y, clean) + cross_entropy(y, attacked))
        apart = tf.reduce_mean(tf.math.squared_difference(clean, attacked), axis=1)
        return both + self.weight * apart
