"""The base classes of privacy mechanisms, which hold and check parameters."""

from abc import ABC
from dataclasses import dataclass, field
from typing import ClassVar

from strategies.validation import (
    ANY_FLOAT,
    Validated,
    require,
    require_between,
    require_positive,
)

# Names of accountants, all of them dp-accounting's.
ACCOUNTANTS = ("rdp", "pld")
# The noise multiplier without a target.
NOISE = 1.0


@dataclass(frozen=True, kw_only=True)
class Mechanism(Validated, ABC):
    """A privacy mechanism: what ``privacy=`` chooses."""

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class DifferentialPrivacy(Mechanism):
    """The Gaussian mechanism: bound what one contributes, and add noise to the sum.

    Parameters
    ----------
    clip
        Largest Euclidean norm of one contribution, above 0.
    noise_multiplier
        Standard deviation of the noise on the sum, in units of ``clip``, at least 0.
        None derives it from ``target_epsilon``, or is 1 without one.
    target_epsilon
        The epsilon that all rounds together may spend, above 0; None leaves the noise
        as it is given, and infinity means no noise.
    delta
        The probability that the bound epsilon may fail with, in (0, 1).
    max_epsilon
        Stop before the round that would spend more, above 0; None does not stop.
    accountant
        ``rdp`` or ``pld``, both of dp-accounting.
    secret_noise
        Draw the key of the noise from the operating system. Otherwise it follows from
        the seed of the run, so that the run can be repeated, and whoever knows the seed
        can subtract the noise. All runs of one seed then have the same noise, which the
        difference of two models lacks: publish at most one of them.

    Raises
    ------
    ValueError
        When a value is out of range, both a noise multiplier and a target are given, or
        a budget is set where there is no noise.
    """

    clip: float = 1.0
    noise_multiplier: float | None = None
    target_epsilon: float | None = field(default=None, metadata=ANY_FLOAT)
    delta: float = 1e-5
    max_epsilon: float | None = None
    accountant: str = "rdp"
    secret_noise: bool = False

    def __post_init__(self) -> None:
        require_positive("clip", self.clip)
        require(0 < self.delta < 1, "delta", self.delta, "above 0 and below 1")
        require(
            self.accountant in ACCOUNTANTS, "accountant", self.accountant, "rdp or pld"
        )
        if self.noise_multiplier is not None:
            require_between("noise_multiplier", self.noise_multiplier, 0)
        for name in ("target_epsilon", "max_epsilon"):
            value = getattr(self, name)
            require(value is None or value > 0, name, value, "above 0")
        require(
            self.target_epsilon is None or self.noise_multiplier is None,
            "noise_multiplier",
            self.noise_multiplier,
            f"left out (null) with target_epsilon={self.target_epsilon}, from which it "
            "follows",
        )
        require(
            self.max_epsilon is None or not self.is_noiseless,
            "max_epsilon",
            self.max_epsilon,
            "left out (null) without noise, which bounds no epsilon",
        )

    @property
    def is_noiseless(self) -> bool:
        """Whether contributions are only clipped."""
        return self.noise_multiplier == 0 or self.target_epsilon == float("inf")
