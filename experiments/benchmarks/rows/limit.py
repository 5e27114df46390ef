"""The limit: the time of the machine's matrix products for the same work."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

# Multiplications plus additions per sample of ByzFL's cnn_mnist: a forward
# pass, and a training step without the input gradient of the first convolution.
FORWARD = 4.586e6
TRAINING_STEP = 13.18e6
SAMPLES = 10 * 600
SIZE, PRODUCTS = 2048, 10


def peak() -> float:
    """Measure operations a second of a float32 matrix product on all cores."""
    a = np.random.default_rng(0).standard_normal((SIZE, SIZE), np.float32)
    best = 0.0
    for _ in range(PRODUCTS):
        began = time.perf_counter()
        a @ a
        best = max(best, 2 * SIZE**3 / (time.perf_counter() - began))
    return best


def w1() -> Any:
    """One epoch of W1 at the peak."""
    return lambda: _seconds(SAMPLES * TRAINING_STEP)


def w1_pgd() -> Any:
    """Add ten forward and backward passes; those need no gradient of the weights."""
    return lambda: _seconds(SAMPLES * (TRAINING_STEP + 10 * 2 * FORWARD))


def _seconds(operations: float) -> Mapping[str, Any]:
    return {"value": operations / peak()}
