"""Keyed random generators; no draw uses a global generator.

A key is (seed, round, client, purpose). The same key gives the same draw on every
thread, process and machine, and an additional draw never changes another one.
"""

import pickle
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """The purpose of a draw, the last element of its key; numbers are never reused."""

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
    PRIVATE_BATCHES = 17
    EXAMPLE_NOISE = 18
    LOCAL_NOISE = 19  # strategies.mods.local_dp draws with this number


def generator(
    seed: int, purpose: Purpose, round: int = 0, client: int = 0
) -> np.random.Generator:
    """Return the generator of a key."""
    return np.random.default_rng([seed, round, client, purpose])


def stateless_seed(
    seed: int, purpose: Purpose, round: int = 0, client: int = 0
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return the (2,) int32 seed of a key for TensorFlow's stateless operations."""
    limits = np.iinfo(np.int32)
    draw = generator(seed, purpose, round, client)
    return draw.integers(limits.min, limits.max, size=2, dtype=np.int32, endpoint=True)


class GlobalDraws:
    """Detects draws from NumPy's global generator since this object was made.

    This project never draws from it, but a user's code may. Other processes have their
    own generators.
    """

    def __init__(self) -> None:
        self._before = _global_state()

    def happened(self) -> bool:
        """Return whether the generator was used or seeded."""
        return _global_state() != self._before


def _global_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002
