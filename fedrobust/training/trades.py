"""TRADES: accuracy on clean images plus agreement with their perturbed versions.

    min_w  E CE(f_w(x), y) + beta max_{|x' - x| <= epsilon} KL(p_w(x) || p_w(x'))

Zhang, Yu, Jiao, Xing, El Ghaoui, Jordan: Theoretically Principled Trade-off between
Robustness and Accuracy, ICML 2019, equation 5 with beta = 1 / lambda. Signed steps on
the divergence find x'. They start at x + 0.001 N(0, 1), because the gradient at x is
zero. The paper takes beta = 1 on MNIST and 6 on CIFAR-10. The authors' code agrees with
this module, also in attacking the model in inference mode. Bound: epsilon >= 0.
"""

from dataclasses import dataclass

from fedrobust.attacks.losses import kl_divergence
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import KLObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class TRADES(KLObjective):
    """Train on the clean cross-entropy plus the divergence at the worst input found.

    Parameters
    ----------
    beta
        Weight of the divergence, at least 0; at 0 it is standard training.
    """

    beta: float = 6.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("beta", self.beta, 0)

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the clean cross-entropy plus the weighted divergence."""
        clean, attacked = model(x, training=True), model(x_adv, training=True)
        return cross_entropy(y, clean) + self.beta * kl_divergence(clean, attacked)
