"""Keyed random generators of the server: (seed, round, 0, purpose), no global state.

Results depend on these numbers, so they never change. The numbers 1 to 99 belong to the
purposes of fedrobust.
"""

from enum import IntEnum

import numpy as np


class Draw(IntEnum):
    """The purposes of the server's random draws."""

    BUCKETING = 101
    DNC = 102
    SIGN_GUARD = 103
    FLAME = 104
    FL_DETECTOR = 105
    FLANDERS = 106
    NORM_CLIPPING = 107
    CLIENT_NOISE = 108
    COUNT_NOISE = 109
    POISSON = 110
    GROUPS = 111


def server_generator(seed: int, draw: Draw, round: int = 0) -> np.random.Generator:
    """Return the generator for one purpose in one round."""
    return np.random.default_rng([seed, round, 0, draw])
