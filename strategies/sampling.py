"""Sampling of the clients that take part in a round."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from strategies.randomness import Draw, server_generator

# A fixed number of clients, or each with a fixed probability.
Sampling = Literal["fixed", "poisson"]

# Purpose of these random draws: the last element of their key.
SAMPLING = 1


def sample_size(num_clients: int, fraction: float, minimum: int = 1) -> int:
    """Return the number of clients in a fraction, rounded up.

    The result is at least ``minimum`` and at least 1, but at most ``num_clients``.

    >>> sample_size(100, 0.29)
    29
    """
    # In floats 0.07 * 100 is a little above 7: without rounding, ceil would give 8.
    size = max(math.ceil(round(num_clients * fraction, 9)), minimum)
    return max(1, min(num_clients, size))


def sample_clients(
    clients: Sequence[int], fraction: float, seed: int, round: int, minimum: int = 1
) -> list[int]:
    """Return a sample of the clients, drawn without replacement.

    Parameters
    ----------
    clients
        Client ids; the draw does not depend on their order.
    fraction
        Share of the clients to draw, in (0, 1].
    seed, round
        Key of the draw.
    minimum
        Smallest number to draw, if there are so many clients.

    Returns
    -------
    Sorted client ids.
    """
    ordered = sorted(clients)
    size = sample_size(len(ordered), fraction, minimum)
    rng = np.random.default_rng([seed, round, SAMPLING])
    return sorted(int(c) for c in rng.choice(ordered, size=size, replace=False))


def poisson_clients(
    clients: Sequence[int], probability: float, seed: int, round: int
) -> list[int]:
    """Return a sample of the clients, each drawn independently of the others.

    Parameters
    ----------
    clients
        Client ids; the draw does not depend on their order.
    probability
        Probability of each, in (0, 1].
    seed, round
        Key of the draw.

    Returns
    -------
    Sorted client ids; there may be none.
    """
    ordered = sorted(clients)
    draws = server_generator(seed, Draw.POISSON, round).random(len(ordered))
    drawn = draws < probability
    return [int(c) for c, is_drawn in zip(ordered, drawn, strict=True) if is_drawn]
