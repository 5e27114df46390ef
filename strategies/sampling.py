"""Which clients take part in a round."""

import math
from collections.abc import Sequence

import numpy as np

# Purpose of the random draws made here: the last element of their key.
SAMPLING = 1


def sample_size(num_clients: int, fraction: float) -> int:
    """Count the clients that a fraction means: rounded up, at least 1.

    >>> sample_size(100, 0.29)
    29
    """
    # 0.29 * 100 is 28.999...: rounding at 9 digits first keeps what the user meant.
    return max(1, min(num_clients, math.ceil(round(num_clients * fraction, 9))))


def sample_clients(
    clients: Sequence[int], fraction: float, seed: int, round: int
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

    Returns
    -------
    Sorted client ids.
    """
    ordered = sorted(clients)
    size = sample_size(len(ordered), fraction)
    rng = np.random.default_rng([seed, round, SAMPLING])
    return sorted(int(c) for c in rng.choice(ordered, size=size, replace=False))
