"""Client-level differential privacy with a clipping norm that follows a quantile."""

from dataclasses import dataclass

from fedrobust.privacy.client_dp import ClientDP
from strategies.validation import require, require_between, require_positive

# Far more than the number of clients.
MOST_COUNT_NOISE = 1e9


@dataclass(frozen=True, kw_only=True)
class AdaptiveClientDP(ClientDP):
    """DP-FedAvg whose clipping norm follows a quantile of the updates' norms.

    Andrew, Thakkar, McMahan, Ramaswamy: Differentially Private Learning with Adaptive
    Clipping, NeurIPS 2021. ``clip`` is the norm of the first round.

    Parameters
    ----------
    quantile
        The share of updates that should be no longer than the norm, in (0, 1).
    clip_learning_rate
        Step of the logarithm of the norm, in [0, 10].
    count_noise
        Standard deviation of the noise on the number of short updates, above half the
        noise multiplier and up to 10^9; None means a twentieth of the expected clients,
        as in the paper, and at least the noise multiplier.
    """

    quantile: float = 0.5
    clip_learning_rate: float = 0.2
    count_noise: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.quantile < 1, "quantile", self.quantile, "in (0, 1)")
        require_between("clip_learning_rate", self.clip_learning_rate, 0, 10)
        if self.count_noise is not None:
            require_positive("count_noise", self.count_noise)
            require_between("count_noise", self.count_noise, 0, MOST_COUNT_NOISE)
