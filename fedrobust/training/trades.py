"""TRADES: right on clean images, and the same answer beside them.

    min_w  E CE(f_w(x), y) + beta max_{|x' - x| <= epsilon} KL(p_w(x) || p_w(x'))

Zhang, Yu, Jiao, Xing, El Ghaoui, Jordan: Theoretically Principled Trade-off between
Robustness and Accuracy, ICML 2019, equation 5 with beta = 1 / lambda; x' by signed
steps on the divergence from x + 0.001 N(0, 1), as it is flat at x. The paper takes beta
= 1 on MNIST and 6 on CIFAR-10. Its code agrees, and attacks in inference mode, as here.
"""

from dataclasses import dataclass

from fedrobust.attacks.losses import kl_divergence
from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import KLObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class TRADES(KLObjective):
    """Trade clean accuracy for agreement with the worst input.

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
        """Add the clean cross-entropy and the divergence."""
        clean, attacked = model(x, training=True), model(x_adv, training=True)
        return cross_entropy(y, clean) + self.beta * kl_divergence(clean, attacked)
