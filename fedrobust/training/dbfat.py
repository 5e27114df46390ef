"""DBFAT: weigh what is near the decision boundary, and stay near the global model.

    min_w  E rho(x') CE(f_w(x'), y) + beta KL(p_global(x') || p_w(x'))

Zhang, Li, Chen, Lyu, Wu, Ding, Wu: Delving into the adversarial robustness of federated
learning, AAAI 2023: local re-weighting by the distance to the boundary, and global
regularisation. The model that the server sent is p_global. How the paper computes rho
could not be looked up; here the distance is the probabilistic margin of Wang et al.
(Probabilistic margins for instance reweighting, NeurIPS 2021),

    rho = exp(-alpha m) / mean of the batch,  m = p_y(x') - max_{k != y} p_k(x')

which is least where the attack got furthest. No gradient flows through rho. At alpha =
beta = 0 it is PGD training.
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
    """Train on PGD examples, weighted, and agree with the global model on them.

    Parameters
    ----------
    alpha
        How much more nearness to the boundary weighs, at least 0.
    beta
        Weight of the divergence from the global model, at least 0.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("alpha", self.alpha, 0)
        require_between("beta", self.beta, 0)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Weigh the cross-entropy and add the divergence."""
        logits = model(x_adv, training=True)
        lead = -margin(y, tf.nn.softmax(tf.stop_gradient(logits)))
        # softmax(z) * size is exp(z) over its mean, and cannot overflow.
        size = tf.cast(tf.shape(lead)[0], tf.float32)
        weights = size * tf.nn.softmax(-self.alpha * lead)
        assert model.received is not None
        reference = tf.stop_gradient(model.received(x_adv))
        return weights * cross_entropy(y, logits) + self.beta * kl_divergence(
            reference, logits
        )
