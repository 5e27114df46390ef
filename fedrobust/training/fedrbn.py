"""FedRBN: separate batch normalisation for clean and adversarial inputs.

    min_w  (1 - lambda) E CE(f_clean(x), y) + lambda E CE(f_noise(x'), y)

f_clean and f_noise share every weight, but each has its own normalisation statistics;
x' is the PGD example of f_noise. Hong, Wang, Wang, Zhou: Federated robustness
propagation, AAAI 2023, on the dual normalisation of Xie et al. (Adversarial examples
improve image recognition, CVPR 2020). Clients that cannot afford adversarial training
(``training.fraction``) train only f_clean. A client that did not change a statistic has
no vote on it, so the noise statistics come from the other clients. The paper keeps the
normalisation of each client and shares noise statistics between clients with similar
clean statistics; here there is one global model, which is evaluated as f_noise. If at
most 2f clients train f_noise, the noise statistics do not change, because f Byzantine
clients could be half of the votes.
"""

from dataclasses import dataclass

from fedrobust.network import BoundModel
from fedrobust.network.network import Tensor, cross_entropy
from fedrobust.training.pgd import PGDObjective
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class FedRBN(PGDObjective):
    """Train both branches of a model with ``DualBatchNormalization``.

    Parameters
    ----------
    weight
        Weight of the adversarial loss, in [0, 1]; lambda.
    """

    weight: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("weight", self.weight, 0, 1)

    @property
    def separate(self) -> bool:
        """False, as batch normalisation uses the whole batch."""
        return False

    def loss(self, model: BoundModel, x: Tensor, x_adv: Tensor, y: Tensor) -> Tensor:
        """Return the weighted losses; raise ValueError for a model without branches."""
        clean = cross_entropy(y, model(x, training=True, branch="clean"))
        attacked = cross_entropy(y, model(x_adv, training=True, branch="noise"))
        return (1.0 - self.weight) * clean + self.weight * attacked
