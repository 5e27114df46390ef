"""Min-Max and Min-Sum, by hand and at their limits."""

import numpy as np
import pytest

from fedrobust.byzantine import MinMax, MinSum
from tests.fedrobust.byzantine.updates import normal


def squared_distances(row, honest):
    return ((row.astype(np.float64) - honest) ** 2).sum(axis=1)


def between(honest):
    return np.array([squared_distances(row, honest) for row in honest])


def test_min_max_and_min_sum_by_hand():
    # Mean 1, std sqrt(2), furthest apart 2. Min-Max: the update may be 2 away from the
    # honest 2, which is 0. Min-Sum: m^2 + (m - 2)^2 <= 4, again m = 0.
    two = np.array([[0], [2]], np.float32)
    for attack in (MinMax(), MinSum()):
        crafted = attack(two, 2)
        assert crafted.shape == (2, 1)
        np.testing.assert_allclose(crafted, 0, atol=1e-6)
    # Honest 0, 0, 3: mean 1. Min-Max: |m - 3| <= 3, m = 0. Min-Sum: 2 m^2 + (m - 3)^2
    # <= 9 + 9, that is 3 m^2 - 6 m - 9 <= 0, m = -1.
    three = np.array([[0], [0], [3]], np.float32)
    np.testing.assert_allclose(MinMax()(three, 1), 0, atol=1e-6)
    np.testing.assert_allclose(MinSum()(three, 1), -1, rtol=1e-6)


@pytest.mark.parametrize("direction", ["unit", "std", "sign"])
@pytest.mark.parametrize("seed", range(5))
def test_min_max_and_min_sum_are_feasible_and_no_larger_step_is(direction, seed):
    honest = normal(seed=seed)
    mean = honest.mean(axis=0, dtype=np.float64)
    p = {
        "unit": -mean / np.linalg.norm(mean),
        "std": -honest.std(axis=0, dtype=np.float64, ddof=1),
        "sign": -np.sign(mean),
    }[direction]
    for attack, value, limit in (
        (MinMax, np.max, between(honest).max()),
        (MinSum, np.sum, between(honest).sum(axis=1).max()),
    ):
        row = attack(direction=direction)(honest, 1)[0]
        gamma = (row - mean) @ p / (p @ p)
        assert gamma > 0
        assert value(squared_distances(row, honest)) <= limit
        assert value(squared_distances(mean + 1.001 * gamma * p, honest)) > limit


def test_the_mean_is_sent_where_there_is_no_direction():
    opposite = np.array([[1, -1], [-1, 1]], np.float32)
    np.testing.assert_array_equal(MinMax(direction="unit")(opposite, 1), [[0, 0]])
    same = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(MinSum(direction="std")(same, 1), [[1, 1]])


def test_min_max_stays_feasible_where_float32_is_coarse():
    # At 1000 a float32 step is 6e-5, about the spread of these updates.
    honest = (1000 + 1e-4 * normal()).astype(np.float32)
    row = MinMax(direction="unit")(honest, 1)[0]
    assert squared_distances(row, honest).max() <= between(honest).max()
