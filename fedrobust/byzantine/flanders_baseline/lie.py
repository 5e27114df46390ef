"""A Little Is Enough as the FLANDERS baseline codes it: far more than a little.

    u' = mean - z sqrt(std)
    z  = Phi((n - b - s) / (n - b)),   s = floor(n / 2 + 1) - b

Gabrielli et al., arXiv 2303.16668, its Flower baseline. Where Baruch et al. have z
standard deviations and the inverse of Phi (``ALIE``), the baseline has the root of the
standard deviation and Phi itself: with n = 100 and b = 20, z is 0.730 instead of 0.286,
and a standard deviation of 0.01 counts as 0.1. Mean and standard deviation (ddof 0)
are those of all clients, what the Byzantine ones trained honestly included.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import mean_and_std


@dataclass(frozen=True, kw_only=True)
class LIEFlanders(Collusion):
    """Send the mean moved by z roots of the standard deviation."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Move the mean; all Byzantine clients send it."""
        n = len(honest) + num_byzantine
        supporters = math.floor(n / 2 + 1) - num_byzantine
        z = float(ndtr((len(honest) - supporters) / len(honest)))
        mean, std = mean_and_std(context.everybody(honest), ddof=0)
        return copies(mean - z * np.sqrt(std), num_byzantine)
