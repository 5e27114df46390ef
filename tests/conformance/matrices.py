"""Updates that are honest, attacked, or drawn at random."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.conformance.members import F, N


def honest(rng, n=N, d=60):
    """Updates that point roughly one way, as in training."""
    return (0.5 + 0.3 * rng.normal(size=(n, d))).astype(np.float32)


finite_updates = arrays(
    np.float32, (N, 3), elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
)


SIZES = [1e3, 1e20, 3e38]


def attacked(rng, size: float, bad: int = F):
    """Honest rows, the first ``bad`` of them replaced by something huge."""
    updates = honest(rng)
    updates[:bad] = size * np.sign(rng.normal(size=60))
    return updates
