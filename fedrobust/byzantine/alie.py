"""A Little Is Enough: stay within the spread of the honest updates.

    u' = mean - z std,   z = Phi^-1((n - b - s) / (n - b)),   s = floor(n / 2 + 1) - b

Baruch, Baruch, Goldberg: A Little Is Enough: Circumventing Defenses For Distributed
Learning, NeurIPS 2019, Algorithm 3. The paper's attacker knows only the updates that
its own clients trained (``statistics="own"``). In most later work, such as Karimireddy
et al. 2022, it knows every honest update of the round after worker momentum
(``"honest"``).
ByzFL, Blades and FLPoison add z std. The authors' code, FLPoison and FLANDERS divide
by n (ddof 0).
Bound: s >= 1. With s <= 0 the Byzantine clients are a majority, and z is undefined.
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
    """Return the paper's z for n clients of which b are Byzantine.

    Raises
    ------
    ValueError
        When s <= 0, or s is so large that z is minus infinity.
    """
    supporters = math.floor(num_clients / 2 + 1) - num_byzantine
    honest = num_clients - num_byzantine
    if supporters <= 0 or supporters >= honest:
        raise ValueError(
            f"ALIE is undefined for n={num_clients} clients of which "
            f"b={num_byzantine} are Byzantine (s={supporters} of {honest} honest "
            f"clients): b must be at most {math.floor(num_clients / 2)} and n above 2, "
            "or set z"
        )
    return float(ndtri((honest - supporters) / honest))


@dataclass(frozen=True, kw_only=True)
class ALIE(Collusion):
    """Send the mean moved by z standard deviations.

    Parameters
    ----------
    z
        Number of standard deviations; None means the paper's value for n and b.
    sign
        Direction of the move, -1 (as published) or 1.
    ddof
        1 or 0: the standard deviation divides by the number of updates minus ddof.
    statistics
        Updates whose mean and standard deviation are used: ``honest`` (the attacker is
        omniscient), or ``own``, the updates that the Byzantine clients trained honestly
        (at least two).
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
        """Raise ValueError for undefined n and b; warn if z is not positive."""
        super().check(num_clients, num_byzantine)
        if self.statistics == "own" and num_byzantine < 2:
            raise ValueError(
                "statistics='own': must be 'honest', because a single Byzantine client "
                f"(num_byzantine={num_byzantine}) has no standard deviation"
            )
        self._z(num_clients, num_byzantine)

    def _z(self, num_clients: int, num_byzantine: int) -> float:
        if self.z is not None:
            return self.z
        z = alie_z(num_clients, num_byzantine)
        if z <= 0:
            warnings.warn(
                f"ALIE with n={num_clients} and b={num_byzantine} has z={z:.4f}, which "
                "is not an attack: use more Byzantine clients or set z",
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
