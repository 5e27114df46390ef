"""One Gaussian release, as it is accounted."""

from dataclasses import dataclass

from strategies.validation import require, require_between

SAMPLINGS = ("poisson", "fixed", "none")


@dataclass(frozen=True)
class Release:
    """A noisy sum that is released; see ``fedrobust.privacy.accounting``.

    Parameters
    ----------
    noise_multiplier
        Standard deviation of the noise over the largest norm of one contribution, at
        least 0.
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
        require_between("noise_multiplier", self.noise_multiplier, 0)
        rate = self.sampling_rate
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
