"""A linear model's weights, and inputs well within the range."""

import numpy as np

W = np.array([1.0, -2.0, 0.5, -0.25], np.float32)


def inside(rng, n=50):
    x = rng.uniform(0.4, 0.6, size=(n, 4)).astype(np.float32)
    return x, (x @ W < 0).astype(np.int64)
