"""The geometric median, by hand and against a general minimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

from strategies.rules import GeometricMedian
from tests.strategies.matrices import LINE, column, rows


def test_the_geometric_median_of_a_line_is_its_middle_point():
    found = GeometricMedian()(LINE)
    np.testing.assert_array_equal(found.vector, [4, 5, 6])
    np.testing.assert_array_equal(found.weights, [0, 1, 0])


def test_rfa_agrees_with_the_value_that_byzfl_documents():
    found = GeometricMedian(nu=0.1, iterations=3, init="zeros")(LINE)
    expected = [3.78788764, 4.78788764, 5.78788764]
    np.testing.assert_allclose(found.vector, expected, rtol=1e-7)


def test_one_smoothed_step_by_hand_from_each_start():
    updates = column(0, 2, 10)
    # From 0: distances 0, 2, 10, at least nu = 1: weights 1, 1/2, 1/10 of 8/5, so
    # (0 + 1 + 1) / (8/5) = 5/4.
    zeros = GeometricMedian(iterations=1, nu=1.0, init="zeros")(updates)
    assert zeros.vector == pytest.approx(5 / 4)
    np.testing.assert_allclose(zeros.weights, [10 / 16, 5 / 16, 1 / 16])
    # From the mean 4: distances 4, 2, 6: weights 1/4, 1/2, 1/6 of 11/12, so
    # (0 + 1 + 10/6) / (11/12) = 32/11.
    mean = GeometricMedian(iterations=1, nu=1.0, init="mean")(updates)
    assert mean.vector == pytest.approx(32 / 11)
    # From the median 2: distances 2, 0, 8: weights 1/2, 1, 1/8 of 13/8, so
    # (0 + 2 + 10/8) / (13/8) = 2.
    median = GeometricMedian(iterations=1, nu=1.0, init="median")(updates)
    assert median.vector == pytest.approx(2)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        # The centroid of an equilateral triangle, each side seen at 120 degrees.
        ([(0, 0), (2, 0), (1, 3**0.5)], (1, 3**-0.5)),
        # From (0, 1 / sqrt 3), (1, 0) lies at tan = sqrt 3: 60 degrees off the axis.
        ([(-1, 0), (1, 0), (0, 3)], (0, 3**-0.5)),
        # The diagonals of a convex quadrangle cross: x = y meets x + y = 3.
        ([(0, 0), (4, 4), (0, 3), (3, 0)], (1.5, 1.5)),
    ],
)
def test_geometric_medians_of_points_with_a_known_solution(points, expected):
    found = GeometricMedian()(rows(*points)).vector
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "row"),
    [
        # The angle at (0, 1) is acos((-9 + 1) / 10) = 143 degrees, beyond 120.
        ([(-3, 0), (3, 0), (0, 1)], 2),
        # A point inside the triangle of the three others.
        ([(0, 0), (6, 0), (0, 6), (1, 1)], 3),
        # Two copies outweigh two unit pulls that are not parallel.
        ([(5, 5), (5, 5), (0, 5), (5, 0)], 0),
        # Three of five are one majority, however far the others are.
        ([(1e6, 0), (2, 3), (2, 3), (0, 1e6), (2, 3)], 1),
    ],
)
def test_a_geometric_median_at_an_update_is_that_update_to_the_bit(points, row):
    updates = rows(*points)
    np.testing.assert_array_equal(GeometricMedian()(updates).vector, updates[row])


@pytest.mark.parametrize("seed", range(5))
def test_the_geometric_median_agrees_with_a_general_minimiser(seed):
    updates = np.random.default_rng(seed).normal(size=(9, 4)).astype(np.float32)
    wide = updates.astype(np.float64)

    def cost(point):
        return np.linalg.norm(wide - point, axis=1).sum()

    best = minimize(cost, wide.mean(axis=0), method="BFGS", options={"gtol": 1e-9})
    found = GeometricMedian()(updates).vector.astype(np.float64)
    assert cost(found) <= best.fun * (1 + 1e-9)
    np.testing.assert_allclose(found, best.x, atol=1e-5)


@pytest.mark.parametrize("init", ["zeros", "mean", "median"])
@pytest.mark.parametrize("offset", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("others", ["none", "far", "copies of one", "copies of theirs"])
def test_smoothed_steps_keep_every_digit_of_float32(init, offset, others):
    """Held against the formula itself, step by step in the widest floats there are."""
    updates = np.random.default_rng(5).normal(size=(11, 30)).astype(np.float32)
    updates = (offset + updates * (1e-4 if offset == 1 else 1)).astype(np.float32)
    if others == "far":
        updates[-3:] *= np.float32(1e10)
    if others == "copies of one":
        updates[-3:] = updates[4]
    if others == "copies of theirs":
        updates[-4:] = -5
    wide = updates.astype(np.longdouble)
    starts = {"zeros": 0 * wide[0], "mean": wide.mean(axis=0)}
    point = starts.get(init, np.median(wide, axis=0))
    for _ in range(4):
        weights = 1 / np.maximum(1e-3, np.linalg.norm(wide - point, axis=1))
        point = weights @ wide / weights.sum()
    found = GeometricMedian(iterations=4, nu=1e-3, init=init)(updates).vector
    np.testing.assert_allclose(found, point, rtol=2e-7, atol=1e-7 * np.abs(point).max())


def test_the_geometric_median_may_lie_on_rows_that_are_equal():
    # Nine of eleven rows are the median, whichever row the search starts from: among
    # distances of 1e20 it cannot tell them from the one at -1.
    updates = np.zeros((11, 3), np.float32)
    updates[0, 0], updates[1, 0] = 1e20, -1
    for order in (np.arange(11), np.arange(11)[::-1]):
        found = GeometricMedian()(updates[order])
        np.testing.assert_allclose(found.vector, [0, 0, 0], atol=1e-6)
        assert found.weights.sum() == pytest.approx(1)
    # With a least distance of 1e-308, rows at distance 0 weigh more than floats can.
    tiny = GeometricMedian(nu=1e-308, iterations=3)(column(0, 0, 0, 5))
    assert tiny.vector == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GeometricMedian(iterations=0), "iterations=0: must be at least 1"),
        (lambda: GeometricMedian(nu=0.0), "nu=0.0: must be above 0"),
        (lambda: GeometricMedian(init="x"), "init='x': must be one of zeros"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
