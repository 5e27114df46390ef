"""Which clients take part in a round."""

import math
from collections.abc import Sequence

import numpy as np

# Purpose of the random draws made here: the last element of their key.
SAMPLING = 1


def sample_size(num_clients: int, fraction: float, minimum: int = 1) -> int:
    """Count the clients that a fraction means: rounded up, at least the minimum.

    >>> sample_size(100, 0.29)
    29
    """
    # 0.29 * 100 is 28.999...: rounding at 9 digits first keeps what the user meant.
    size = max(math.ceil(round(num_clients * fraction, 9)), minimum)
    return max(1, min(num_clients, size))


def sample_clients(
    clients: Sequence[int], fraction: float, seed: int, round: int, minimum: int = 1
) -> list[int]:
    """Draw clients without replacement, keyed by seed and round alone.

    Parameters
    ----------
    clients
        Client ids in any order; the draw does not depend on it.
    fraction
        Share of the clients, in (0, 1].
    seed, round
        Key of the draw.
    minimum
        How many are drawn at least, if there are so many.

    Returns
    -------
    Sorted client ids.
    """
    ordered = sorted(clients)
    size = sample_size(len(ordered), fraction, minimum)
    rng = np.random.default_rng([seed, round, SAMPLING])
    return sorted(int(c) for c in rng.choice(ordered, size=size, replace=False))
