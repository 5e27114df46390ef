"""Every random draw has a key; there is no global generator anywhere.

A key is (seed, round, client, purpose). The same key gives the same draw whichever
thread, process or machine asks, and a draw that is added changes no other one.
"""

import pickle
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a draw is for: the last element of its key. Numbers are never reused."""

    SAMPLING = 1  # strategies.sampling draws with this number
    BATCHES = 2
    OBJECTIVE = 3
    DROPOUT = 4
    BYZANTINE_CLIENTS = 5
    TAMPERING = 6
    MODEL = 7
    SUBSET = 8
    HOLDOUT = 9
    ATTACK = 10
    COLLUSION = 11
    POISONING = 12
    ROOT_DATA = 13
    SURROGATE = 14
    OBJECTIVE_CLIENTS = 15
    RANDOM_NOISE = 16


def generator(
    seed: int, purpose: Purpose, round: int = 0, client: int = 0
) -> np.random.Generator:
    """Make the generator of one key."""
    return np.random.default_rng([seed, round, client, purpose])


def stateless_seed(
    seed: int, purpose: Purpose, round: int = 0, client: int = 0
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Make the two int32 that TensorFlow's stateless operations take as a key."""
    limits = np.iinfo(np.int32)
    draw = generator(seed, purpose, round, client)
    return draw.integers(limits.min, limits.max, size=2, dtype=np.int32, endpoint=True)


class GlobalDraws:
    """Whether anybody has drawn from NumPy's global generator since this was made.

    Nothing of this project does. Other processes have generators of their own.
    """

    def __init__(self) -> None:
        self._before = _global_state()

    def happened(self) -> bool:
        """Whether the generator has moved, or was given a seed."""
        return _global_state() != self._before


def _global_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002
