"""The base classes of privacy mechanisms, which hold and check parameters."""

from abc import ABC
from dataclasses import dataclass, field
from typing import ClassVar

from fedrobust.privacy.release import require_noise
from fedrobust.privacy.terms import ACCOUNTANTS, require_delta, require_target
from strategies.validation import ANY_FLOAT, Validated, require, require_between

# Norms whose squares, and those of the noise, are floats of 32 bits.
LEAST_CLIP, MOST_CLIP = 1e-12, 1e6
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
        Largest Euclidean norm of one contribution, in [1e-12, 10^6].
    noise_multiplier
        Standard deviation of the noise on the sum, in units of ``clip``, 0 or in
        [0.01, 10^6]. None derives it from ``target_epsilon``, or is 1 without one.
    target_epsilon
        The epsilon that all rounds together may spend, in [0.001, 10^5]; None leaves
        the noise as it is given, and infinity means no noise.
    delta
        The probability that the bound epsilon may fail with, in (0, 1), and at least
        1e-10 with ``pld``.
    max_epsilon
        Stop before the round that would spend more, in [0.001, 10^5]; None does
        not stop.
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
        require_between("clip", self.clip, LEAST_CLIP, MOST_CLIP)
        require(
            self.accountant in ACCOUNTANTS, "accountant", self.accountant, "rdp or pld"
        )
        require_delta(self.delta, self.accountant)
        if self.noise_multiplier is not None:
            require_noise("noise_multiplier", self.noise_multiplier)
        if self.target_epsilon is not None:
            require_target("target_epsilon", self.target_epsilon)
        if self.max_epsilon is not None:
            require_target("max_epsilon", self.max_epsilon, or_infinite=False)
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
