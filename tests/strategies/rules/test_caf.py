"""CAF, by hand and against the covariance in d dimensions."""

import numpy as np
import pytest

from strategies.rules import CAF
from tests.strategies.matrices import column


def test_caf_by_hand():
    # n = 3, f = 1. Mean 2, variance 14/3, tau = 4, 1, 9: c = 5/9, 8/9, 0, whose sum
    # 13/9 is above n - 2f = 1. Mean 8/13, variance 40/169, tau = 64/169, 25/169:
    # c = 0, 8/9 (1 - 25/64) = 13/24, and it ends. The least variance had mean 8/13.
    found = CAF(f=1)(column(0, 1, 5))
    assert found.vector == pytest.approx(8 / 13)
    np.testing.assert_allclose(found.weights, [5 / 13, 8 / 13, 0])


def caf_in_d_dimensions(updates: np.ndarray, f: int) -> np.ndarray:
    n = len(updates)
    counts, best, least = np.ones(n), None, np.inf
    while counts.sum() > n - 2 * f:
        mean = np.average(updates, axis=0, weights=counts)
        covariance = np.cov(updates, rowvar=False, aweights=counts, ddof=0)
        values, vectors = np.linalg.eigh(covariance)
        if values[-1] < least:
            best, least = mean, values[-1]
        spread = ((updates - mean) @ vectors[:, -1]) ** 2
        counts = counts * (1 - spread / spread[counts > 0].max()).clip(0)
    return best


@pytest.mark.parametrize(("n", "f", "d"), [(7, 1, 3), (9, 4, 6), (11, 2, 30)])
def test_caf_agrees_with_the_covariance_in_d_dimensions(n, f, d, rng):
    for _ in range(5):
        updates = rng.normal(size=(n, d)).astype(np.float32)
        updates[:f] += 5
        expected = caf_in_d_dimensions(updates.astype(np.float64), f)
        np.testing.assert_allclose(CAF(f=f)(updates).vector, expected, atol=1e-5)


def test_caf_with_f_zero_is_the_mean():
    # ByzFL gives None here.
    assert CAF(f=0)(column(1, 2, 6)).vector == 3
