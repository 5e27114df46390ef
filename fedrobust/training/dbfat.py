"""DBFAT: up-weight examples near the decision boundary; stay near the global model.

    min_w  E rho(x') CE(f_w(x'), y) + beta KL(p_global(x') || p_w(x'))

Zhang, Li, Chen, Lyu, Wu, Ding, Wu: Delving into the adversarial robustness of federated
learning, AAAI 2023: local re-weighting by the distance to the boundary, and global
regularisation. p_global is the model that the server sent. This module does not claim
the paper's formula for rho, which was not available; its distance is the probabilistic
margin of Wang et al. (Probabilistic margins for instance reweighting, NeurIPS 2021),

    rho = exp(-alpha m) / mean of the batch,  m = p_y(x') - max_{k != y} p_k(x')

The margin is smallest where the attack was most successful. No gradient flows through
rho. With alpha = beta = 0 it is PGD training.
"""

from dataclasses import dataclass

from fedrobust.attacks.losses import kl_divergence, margin
from fedrobust.backend import tf
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import PGDObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class DBFAT(PGDObjective):
    """Train on weighted PGD examples, and stay near the global model on them.

    Parameters
    ----------
    alpha
        Strength of the weighting by nearness to the boundary, at least 0.
    beta
        Weight of the divergence from the global model, at least 0.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("alpha", self.alpha, 0)
        require_between("beta", self.beta, 0)

    @property
    def separate(self) -> bool:
        """False if the weights of a batch are normalised by their sum."""
        return self.alpha == 0

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the weighted cross-entropy plus the divergence."""
        logits = model(x_adv, training=True)
        lead = -margin(y, tf.nn.softmax(tf.stop_gradient(logits)))
        # softmax(z) * size equals exp(z) divided by its mean, but cannot overflow.
        size = tf.cast(tf.shape(lead)[0], tf.float32)
        weights = size * tf.nn.softmax(-self.alpha * lead)
        assert model.received is not None
        reference = tf.stop_gradient(model.received(x_adv))
        return weights * cross_entropy(y, logits) + self.beta * kl_divergence(
            reference, logits
        )
