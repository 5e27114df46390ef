"""A Little Is Enough: stay within the spread of the honest updates.

    u' = mean - z std,   z = Phi^-1((n - b - s) / (n - b)),   s = floor(n / 2 + 1) - b

Baruch, Baruch, Goldberg: A Little Is Enough: Circumventing Defenses For Distributed
Learning, NeurIPS 2019, Algorithm 3. The attacker knows every honest update of the round
after worker momentum, as in Karimireddy et al. 2022; ByzFL and Blades add z std.
Undefined where s <= 0 (a majority is Byzantine already).
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from fedrobust.byzantine.base import Collusion, Matrix
from strategies.parameters import require


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
    """Send the mean of the honest updates minus z standard deviations (ddof 1).

    Parameters
    ----------
    z
        Standard deviations to move by; None computes the paper's from n and b.
    """

    z: float | None = None

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Refuse undefined n and b; warn where z is not positive."""
        super().check(num_clients, num_byzantine)
        self._z(num_clients, num_byzantine)

    def __post_init__(self) -> None:
        if self.z is not None:
            require(math.isfinite(self.z), "z", self.z, "a finite number")

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

    def craft(self, honest: Matrix, num_byzantine: int, context: Any) -> Matrix:
        """Move the mean by z standard deviations; all Byzantine clients send it."""
        z = self._z(len(honest) + num_byzantine, num_byzantine)
        wide = honest.astype(np.float64)
        std = wide.std(axis=0, ddof=1) if len(honest) > 1 else 0.0
        crafted = (wide.mean(axis=0) - z * std).astype(np.float32)
        return np.tile(crafted, (num_byzantine, 1))
