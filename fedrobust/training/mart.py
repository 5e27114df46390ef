"""MART: adversarial training that tells misclassified examples from others.

    min_w  E BCE(p(x'), y) + beta KL(p(x) || p(x')) (1 - p_y(x))
    BCE(p, y) = -log p_y - log(1 - max_{k != y} p_k),   x' by PGD on the cross-entropy

Wang, Zou, Yi, Bailey, Ma, Gu: Improving Adversarial Robustness Requires Revisiting
Misclassified Examples, ICLR 2020, equation 11. The code of its authors keeps logarithms
finite by constants of 1e-4 within them; here 1 - max p is summed from the other classes
instead, which needs none until it leaves float32.
"""

from dataclasses import dataclass

from fedrobust.attacks.losses import kl_divergence, of_label
from fedrobust.backend import tf
from fedrobust.network import BoundModel, Tensor, cross_entropy
from fedrobust.training.pgd import PGDTraining
from strategies.parameters import require, require_between

# The smallest normal float32: the logarithm of less is cut off there.
TINY = 1.2e-38


@dataclass(frozen=True, kw_only=True)
class MART(PGDTraining):
    """Weight the divergence by how unsure the model is of the clean image.

    Parameters
    ----------
    beta
        Weight of the divergence, at least 0.
    """

    beta: float = 6.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("beta", self.beta, 0)
        require(self.clean_share == 0, "clean_share", self.clean_share, "0")

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Add the boosted cross-entropy and the weighted divergence."""
        clean, attacked = model(x, training=True), model(x_adv, training=True)
        unsure = 1 - of_label(y, tf.nn.softmax(clean))
        agreement = kl_divergence(clean, attacked) * unsure
        return boosted_cross_entropy(y, attacked) + self.beta * agreement


def boosted_cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Compute the (batch,) cross-entropy with the margin to the likeliest other."""
    p = tf.nn.softmax(logits)
    is_label = tf.one_hot(labels, tf.shape(p)[1], True, False, dtype=tf.bool)
    other = tf.argmax(tf.where(is_label, -1.0, p), axis=1)
    is_other = tf.one_hot(other, tf.shape(p)[1], True, False, dtype=tf.bool)
    rest = tf.reduce_sum(tf.where(is_other, 0.0, p), axis=1)
    return cross_entropy(labels, logits) - tf.math.log(tf.maximum(rest, TINY))
