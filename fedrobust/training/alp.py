"""ALP: train on pairs of clean and PGD examples whose logits should agree.

    min_w  (CE(f(x), y) + CE(f(x'), y)) / 2 + weight mean_k (f_k(x) - f_k(x'))^2

Kannan, Kurakin, Goodfellow: Adversarial logit pairing, arXiv:1803.06373, 2018, on top
of their mixed-minibatch PGD. As in the authors' code, the cross-entropy is averaged
over both halves, the squares are averaged over the logits, and one forward pass covers
both halves. Their ImageNet code also attacks towards a target class and smooths labels
by 0.1; this module does neither. Engstrom, Ilyas, Athalye: Evaluating and Understanding
the Robustness of Adversarial Logit Pairing, arXiv:1807.10272, 2018, broke their
ImageNet model. Bound: epsilon >= 0.
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
        """Return the mean cross-entropy of both halves plus the pairing term."""
        # One pass, so that the batch statistics are those of the mixed batch.
        logits = model(tf.concat([x, x_adv], axis=0), training=True)
        clean, attacked = tf.split(logits, 2)
        mean_loss = 0.5 * (cross_entropy(y, clean) + cross_entropy(y, attacked))
        difference = tf.reduce_mean(tf.math.squared_difference(clean, attacked), axis=1)
        return mean_loss + self.weight * difference
