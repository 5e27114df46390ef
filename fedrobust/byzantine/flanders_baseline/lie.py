"""A Little Is Enough as coded in the FLANDERS baseline: far more than a little.

    u' = mean - z sqrt(std)
    z  = Phi((n - b - s) / (n - b)),   s = floor(n / 2 + 1) - b

The Flower baseline of Gabrielli et al., arXiv:2303.16668. Baruch et al. use z standard
deviations and the inverse of Phi (``ALIE``); the baseline uses the square root of the
standard deviation and Phi itself. With n = 100 and b = 20, z is 0.730 instead of 0.286,
and a standard deviation of 0.01 becomes 0.1. Mean and standard deviation (ddof 0) are
over the honestly trained updates of all clients, including the Byzantine ones.
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
    """Send the mean moved by z times the root of the standard deviation."""

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return copies of the moved mean."""
        n = len(honest) + num_byzantine
        supporters = math.floor(n / 2 + 1) - num_byzantine
        z = float(ndtr((len(honest) - supporters) / len(honest)))
        mean, std = mean_and_std(context.all_updates(honest), ddof=0)
        return copies(mean - z * np.sqrt(std), num_byzantine)
