"""Fixed point: floats as integers whose sum over a group cannot wrap.

    q = rint(L clip(x, -C, C) / C),  L = floor((2^31 - 1) / n),  sum in [-n L, n L]

n clients add up to less than 2^31, so that the sum modulo 2^32 is the sum. The step is
C / L: 1.1e-7 for C = 8 and n = 30. Rounding is to the nearest, half to even, so that
the same updates give the same bits; it changes the mean by at most half a step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strategies.secagg.masks import Words
from strategies.validation import Validated, require_between, require_positive

# The largest sum whose sign is right, and the largest count of clipped values.
LARGEST, LARGEST_COUNT = 2**31 - 1, 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class FixedPoint(Validated):
    """The integers that stand for floats.

    Parameters
    ----------
    clip
        C, the largest absolute value of a coordinate, above 0.
    clients
        n, the most clients that add up, in [1, 2^31 - 1].
    """

    clip: float
    clients: int

    def __post_init__(self) -> None:
        require_positive("clip", self.clip)
        require_between("clients", self.clients, 1, LARGEST)

    @property
    def levels(self) -> int:
        """L, the integer that stands for ``clip``."""
        return LARGEST // self.clients

    @property
    def resolution(self) -> float:
        """The step between two values."""
        return self.clip / self.levels

    def encode(self, values: NDArray[np.float64]) -> Words:
        """Return (d + 1,) integers modulo 2^32 that stand for (d,) values.

        The last is the number of values beyond ``clip``, which are clipped. It travels
        like the rest, so that only its sum over a group is known; it is cut off at what
        n clients can add up without wrapping.

        Raises
        ------
        ValueError
            When a value is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError(
                "the update is not finite, and only finite values can be summed"
            )
        beyond = int(np.count_nonzero(np.abs(values) > self.clip))
        scaled = np.clip(values, -self.clip, self.clip) / self.clip * self.levels
        words = np.empty(len(values) + 1, np.uint32)
        # Conversion between integers wraps, which is two's complement.
        words[:-1] = np.rint(scaled).astype(np.int64).astype(np.uint32)
        words[-1] = min(beyond, LARGEST_COUNT // self.clients)
        return words

    def decode(self, total: Words, clients: int) -> tuple[NDArray[np.float64], int]:
        """Return the (d,) mean, and the number of clipped values.

        Parameters
        ----------
        total
            (d + 1,) the sum modulo 2^32 of what clients encoded.
        clients
            How many they are.
        """
        sums = total[:-1].view(np.int32).astype(np.float64)
        return sums * self.clip / self.levels / clients, int(total[-1])
