"""A Little Is Enough: stay within the spread of the honest updates.

    u' = mean - z std,   z = Phi^-1((n - b - s) / (n - b)),   s = floor(n / 2 + 1) - b

Baruch, Baruch, Goldberg: A Little Is Enough: Circumventing Defenses For Distributed
Learning, NeurIPS 2019, Algorithm 3. The paper's attacker knows only what its own
clients trained (``statistics="own"``); most later work, as Karimireddy et al. 2022,
lets it know every honest update of the round after worker momentum (``"honest"``).
ByzFL, Blades and FLPoison add z std; the authors' code, FLPoison and FLANDERS divide by
n (ddof 0).
Undefined where s <= 0 (a majority is Byzantine already).
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import mean_and_std
from strategies.validation import require


def alie_z(num_clients: int, num_byzantine: int) -> float:
    """Compute the paper's z from n and b.

    Raises
    ------
    ValueError
        When s <= 0, or so large that z is minus infinity.
    """
    supporters = math.floor(num_clients / 2 + 1) - num_byzantine
    honest = num_clients - num_byzantine
    if supporters <= 0 or supporters >= honest:
        raise ValueError(
            f"ALIE is undefined for n={num_clients} clients of which "
            f"b={num_byzantine} are Byzantine (s={supporters} of {honest} honest "
            f"clients): b must be at most {math.floor(num_clients / 2)}, n above 2; or "
            "give z yourself"
        )
    return float(ndtri((honest - supporters) / honest))


@dataclass(frozen=True, kw_only=True)
class ALIE(Collusion):
    """Send the mean moved by z standard deviations.

    Parameters
    ----------
    z
        Standard deviations to move by; None computes the paper's from n and b.
    sign
        -1 (as published) or 1: which way it moves.
    ddof
        1 or 0: the standard deviation divides by the number of updates minus ddof.
    statistics
        Over whose updates: ``honest`` (omniscient), or ``own``, those that the
        Byzantine clients trained honestly themselves (at least two).
    """

    z: float | None = None
    sign: int = -1
    ddof: int = 1
    statistics: str = "honest"

    def __post_init__(self) -> None:
        if self.z is not None:
            require(math.isfinite(self.z), "z", self.z, "a finite number")
        require(self.sign in (-1, 1), "sign", self.sign, "-1 or 1")
        require(self.ddof in (0, 1), "ddof", self.ddof, "0 or 1")
        require(
            self.statistics in ("honest", "own"),
            "statistics",
            self.statistics,
            "'honest' or 'own'",
        )

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Refuse undefined n and b; warn where z is not positive."""
        super().check(num_clients, num_byzantine)
        if self.statistics == "own" and num_byzantine < 2:
            raise ValueError(
                "statistics='own': must be 'honest', as one Byzantine client alone "
                f"(num_byzantine={num_byzantine}) has no standard deviation"
            )
        self._z(num_clients, num_byzantine)

    def _z(self, num_clients: int, num_byzantine: int) -> float:
        if self.z is not None:
            return self.z
        z = alie_z(num_clients, num_byzantine)
        if z <= 0:
            warnings.warn(
                f"ALIE with n={num_clients} and b={num_byzantine} has z={z:.4f}: that "
                "is no attack; use more Byzantine clients or give z yourself",
                stacklevel=3,
            )
        return z

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Move the mean by z standard deviations; all Byzantine clients send it."""
        z = self._z(len(honest) + num_byzantine, num_byzantine)
        known = honest
        if self.statistics == "own":
            if context.own is None or not np.isfinite(context.own).all():
                raise ValueError("ALIE(statistics='own') needs a finite context.own")
            known = context.own
        mean, std = mean_and_std(known, self.ddof)
        return copies(mean + self.sign * z * std, num_byzantine)
