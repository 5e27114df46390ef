"""MART: adversarial training with more weight on misclassified clean examples.

    min_w  E BCE(p(x'), y) + beta KL(p(x) || p(x')) (1 - p_y(x)),   x' = PGD(x, epsilon)
    BCE(p, y) = -log p_y - log(1 - max_{k != y} p_k)

Wang, Zou, Yi, Bailey, Ma, Gu: Improving adversarial robustness requires revisiting
misclassified examples, ICLR 2020. As in the authors' code, gradients flow through the
weight 1 - p_y(x). The attack starts uniformly in the ball; in the authors' code it
starts at x + 0.001 N(0, 1). Their code also adds small constants:

    variant   BCE                        weight               log p(x') in KL
    paper     -log(1 - p_k)              1 - p_y(x)           exact
    code      -log(1.0001 - p_k + t)     1.0000001 - p_y(x)   log(p(x') + t), t = 1e-12

The constants bound the second term of BCE by 9.2 when the model is confidently wrong;
the exact term is unbounded, as is -log p_y in both variants. Bound: epsilon >= 0.
"""

import math
from dataclasses import dataclass

from fedrobust.attacks.losses import kl_divergence, likeliest_other, of_label
from fedrobust.backend import tf
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import PGDObjective
from strategies.validation import require, require_between

VARIANTS = ("paper", "code")


@dataclass(frozen=True, kw_only=True)
class MART(PGDObjective):
    """Train on PGD examples with a boosted loss and a weighted divergence.

    Parameters
    ----------
    beta
        Weight of the divergence, at least 0.
    variant
        ``paper`` or ``code``; see the table. It changes only the loss.
    """

    beta: float = 6.0
    variant: str = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("beta", self.beta, 0)
        known = " or ".join(VARIANTS)
        require(self.variant in VARIANTS, "variant", self.variant, known)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the boosted cross-entropy plus the weighted divergence."""
        clean, attacked = model(x, training=True), model(x_adv, training=True)
        terms = _paper if self.variant == "paper" else _code
        other, moved, weight = terms(y, clean, attacked)
        return cross_entropy(y, attacked) + other + self.beta * moved * weight


def _paper(y: Tensor, clean: Tensor, attacked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return -log(1 - p_k), the divergence and its weight, each (batch,)."""
    k, classes = likeliest_other(y, attacked, 0), tf.shape(attacked)[1]
    is_rival = tf.one_hot(k, classes, True, False, dtype=tf.bool)
    # 1 - p_k as the sum of the other probabilities, because the difference may round
    # to 0.
    rest = tf.reduce_logsumexp(tf.where(is_rival, -math.inf, attacked), axis=1)
    other = tf.reduce_logsumexp(attacked, axis=1) - rest
    weight = 1.0 - of_label(y, tf.nn.softmax(clean))
    return other, kl_divergence(clean, attacked), weight


def _code(y: Tensor, clean: Tensor, attacked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same three terms with the constants of the authors' code."""
    tiny = 1e-12
    p, q = tf.nn.softmax(clean), tf.nn.softmax(attacked)
    p_rival = of_label(likeliest_other(y, attacked, 0), q)
    other = -tf.math.log(1.0001 - p_rival + tiny)
    log_ratio = tf.nn.log_softmax(clean) - tf.math.log(q + tiny)
    return other, tf.reduce_sum(p * log_ratio, axis=1), 1.0000001 - of_label(y, p)
