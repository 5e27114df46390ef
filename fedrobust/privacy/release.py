"""One Gaussian release, as it is accounted."""

from dataclasses import dataclass

from strategies.validation import require, require_kind

SAMPLINGS = ("poisson", "fixed", "none")
# Noise multipliers that both accountants are tested with. Far outside, a square or an
# exponential of one of these leaves the range of a float, and epsilon comes out as 0.
LEAST_NOISE, MOST_NOISE = 0.01, 1e6


def require_noise(name: str, value: float) -> None:
    """Raise ValueError for a noise multiplier that cannot be accounted."""
    require_kind(name, value, float)
    require(
        value == 0 or LEAST_NOISE <= value <= MOST_NOISE,
        name,
        value,
        f"0 or in [{LEAST_NOISE}, {MOST_NOISE:g}]",
    )


@dataclass(frozen=True)
class Release:
    """A noisy sum that is released; see ``fedrobust.privacy.accounting``.

    Parameters
    ----------
    noise_multiplier
        Standard deviation of the noise over the largest norm of one contribution, 0
        or in [0.01, 10^6].
    sampling_rate
        Probability, or share, with which one is in the sum, in (0, 1].
    sampling
        ``poisson``, ``fixed`` or ``none``.

    Raises
    ------
    ValueError
        When a value is out of range.
    """

    noise_multiplier: float
    sampling_rate: float = 1.0
    sampling: str = "poisson"

    def __post_init__(self) -> None:
        require_noise("noise_multiplier", self.noise_multiplier)
        rate = self.sampling_rate
        require_kind("sampling_rate", rate, float)
        require(0 < rate <= 1, "sampling_rate", rate, "above 0 and at most 1")
        require(
            self.sampling in SAMPLINGS,
            "sampling",
            self.sampling,
            "poisson, fixed or none",
        )
        require(
            self.sampling != "none" or rate == 1,
            "sampling_rate",
            rate,
            "1 with sampling=none, where only the releases with the one count",
        )

    @property
    def unsampled(self) -> "Release":
        """The same noise, and for certain in the sum; one is replaced by any other."""
        return Release(self.noise_multiplier, 1.0, "none")
