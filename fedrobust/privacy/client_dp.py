"""Client-level differential privacy: parameters of ``strategies.postprocessors``."""

from dataclasses import dataclass

from fedrobust.privacy.mechanism import DifferentialPrivacy
from strategies.validation import require

SAMPLINGS = ("fixed", "poisson")


@dataclass(frozen=True, kw_only=True)
class ClientDP(DifferentialPrivacy):
    """DP-FedAvg with a fixed clipping norm: whether a client took part is hidden.

    McMahan, Ramage, Talwar, Zhang: Learning Differentially Private Recurrent Language
    Models, ICLR 2018.

    Parameters
    ----------
    sampling
        ``poisson``: each client takes part with probability ``participation``;
        ``fixed``: a fixed number of clients is drawn.
    """

    sampling: str = "fixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.sampling in SAMPLINGS, "sampling", self.sampling, "fixed or poisson"
        )
