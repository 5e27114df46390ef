"""Client-level differential privacy: parameters of ``strategies.postprocessors``."""

from dataclasses import dataclass

from fedrobust.privacy.mechanism import DifferentialPrivacy
from fedrobust.privacy.release import Release
from strategies.sampling import sample_size
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


def client_level(
    noise_multiplier: float,
    num_clients: int,
    participation: float,
    sampling: str = "fixed",
    accountant: str = "rdp",
) -> tuple[Release, bool]:
    """Return the release of a round, and whether it hides who is sampled.

    Parameters
    ----------
    noise_multiplier
        Standard deviation of the noise over the clipping norm.
    num_clients
        The clients among which a round samples.
    participation
        The share of them, or the probability of each with Poisson sampling.
    sampling, accountant
        As in ``ClientDP``. Samples of fixed size amplify with ``rdp`` alone; with
        ``pld`` a client pays for the rounds that sample it.
    """
    if sampling == "poisson":
        return Release(noise_multiplier, participation), True
    sampled = sample_size(num_clients, participation)
    if sampled == num_clients:
        return Release(noise_multiplier), True
    if accountant == "rdp":
        return Release(noise_multiplier, sampled / num_clients, "fixed"), True
    return Release(noise_multiplier, 1.0, "none"), False
