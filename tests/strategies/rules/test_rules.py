"""Hand-worked cases of the rules that average, take medians or choose by distance.

Rules that judge clients, by trust, history or angle, are in test_judging_rules.py.
"""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import trim_mean

from strategies.linalg.distances import squared_distances
from strategies.rules import (
    CAF,
    CGE,
    MDA,
    SFAT,
    SMEA,
    Bulyan,
    CenteredClipping,
    GeometricMedian,
    Krum,
    MeaMed,
    Mean,
    Median,
    MoNNA,
    MultiKrum,
    NormClipping,
    Phocas,
    RuleContext,
    SignMajority,
    TrimmedMean,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_mean_of_three_is_their_average():
    assert Mean()(column(1, 2, 6)).vector == 3


def test_weighted_mean_uses_num_examples():
    context = RuleContext(num_examples=np.array([1, 3]))
    aggregate = Mean(weighted=True)(column(0, 4), context=context)
    assert aggregate.vector == 3
    np.testing.assert_array_equal(aggregate.weights, [0.25, 0.75])


def test_weighted_mean_without_num_examples_names_what_is_missing():
    with pytest.raises(ValueError, match="num_examples"):
        Mean(weighted=True)(column(0, 4))


def test_median_of_an_even_number_of_values_is_the_mean_of_the_middle_two():
    updates = np.array([[0, 9], [1, 1], [3, 2], [100, 4]], np.float32)
    np.testing.assert_array_equal(Median()(updates).vector, [2, 3])


def test_trimmed_mean_drops_f_on_each_side():
    # 1000 goes, and so does 0: a fraction of 0.2 would have trimmed none of these four.
    assert TrimmedMean(f=1)(column(0, 1, 2, 1000)).vector == 1.5


def test_trimmed_mean_agrees_with_scipy(rng):
    updates = rng.normal(size=(10, 50)).astype(np.float32)
    expected = trim_mean(updates.astype(np.float64), 0.2, axis=0)
    np.testing.assert_allclose(TrimmedMean(f=2)(updates).vector, expected, rtol=1e-6)


def test_krum_by_hand():
    # n = 5, f = 1: each score is the sum of the 5 - 1 - 2 = 2 least squared distances.
    #   0: 1 + 4 = 5    1: 1 + 1 = 2    2: 1 + 4 = 5    4: 4 + 9 = 13    50: huge
    updates = column(0, 1, 2, 4, 50)
    aggregate = Krum(f=1)(updates)
    assert aggregate.vector == 1
    np.testing.assert_array_equal(aggregate.selected, [1])
    np.testing.assert_array_equal(
        aggregate.diagnostics["scores"], [5, 2, 5, 13, 46**2 + 48**2]
    )


def test_krum_counts_n_minus_f_minus_2_neighbours_not_one_more():
    updates = column(0, 1, 2, 5, 7, 9)
    paper = Krum(f=1)(updates)
    # n = 6, f = 1: 3 neighbours. 0: 1 + 4 + 25, 1: 1 + 1 + 16, 2: 1 + 4 + 9, ...
    # ByzFL counts 4 of them, which would make the first score 79.
    np.testing.assert_array_equal(paper.diagnostics["scores"], [30, 18, 14, 29, 33, 69])
    assert paper.vector == 2


def test_multi_krum_averages_the_m_best_rows_with_equal_weights():
    context = RuleContext(num_examples=np.array([1, 10**7, 1, 1, 1]))
    aggregate = MultiKrum(f=1, m=3)(column(0, 1, 2, 4, 50), context=context)
    np.testing.assert_array_equal(aggregate.selected, [0, 1, 2])
    assert aggregate.vector == 1


def test_multi_krum_averages_n_minus_f_by_default():
    aggregate = MultiKrum(f=1)(column(0, 1, 2, 4, 50))
    np.testing.assert_array_equal(aggregate.selected, [0, 1, 2, 3])
    assert aggregate.vector == 1.75


def test_krum_takes_the_lowest_row_among_equals():
    np.testing.assert_array_equal(Krum(f=1)(column(3, 3, 3, 3, 3)).selected, [0])


def test_distances_of_nearly_equal_updates_keep_their_digits():
    # float32 norms of about 2e7 leave no digit of a squared distance of 1e-6 x d.
    rng = np.random.default_rng(0)
    common = rng.normal(size=20_000).astype(np.float32) * 30
    updates = common + rng.normal(size=(8, 20_000)).astype(np.float32) * 1e-3
    wide = updates.astype(np.float64)
    expected = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    found = squared_distances(updates)
    assert np.isinf(np.diag(found)).all()
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-9)


def test_distances_are_exact_for_near_far_and_equal_rows_in_one_matrix():
    rng = np.random.default_rng(1)
    updates = rng.normal(size=(10, 40_000)).astype(np.float32)
    updates[3] = updates[2]
    updates[5] = updates[4] + rng.normal(size=40_000).astype(np.float32) * 1e-5
    updates[8:] *= np.float32(1e15)  # two that lie, far out
    updates[9] = updates[8]
    updates[9, 0] *= 2
    wide = updates.astype(np.float64)
    expected = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    found = squared_distances(updates)
    np.testing.assert_array_equal(found, found.T)
    assert found[2, 3] == 0
    off = ~np.eye(10, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-9)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


# --- around the median, around the trimmed mean ---------------------------------------


def test_meamed_and_phocas_by_hand_on_one_input():
    updates = column(0, 1, 6, 8, 11)
    # Median 6: 0 lies 6 away and 11 lies 5, so 0 goes: (1 + 6 + 8 + 11) / 4.
    assert MeaMed(f=1)(updates).vector == 6.5
    # Trimmed mean (1 + 6 + 8) / 3 = 5: 0 lies 5 away and 11 lies 6, so 11 goes:
    # (0 + 1 + 6 + 8) / 4.
    assert Phocas(f=1)(updates).vector == 3.75
    assert TrimmedMean(f=1)(updates).vector == 5


def test_meamed_and_phocas_choose_in_each_coordinate_alone():
    # Second column: the first one upside down, so what is dropped is another row.
    values = np.array([0, 1, 6, 8, 11], np.float32)
    updates = np.stack([values, -values], axis=1)
    np.testing.assert_array_equal(MeaMed(f=1)(updates).vector, [6.5, -6.5])
    np.testing.assert_array_equal(Phocas(f=1)(updates).vector, [3.75, -3.75])


def test_meamed_of_an_even_number_measures_from_the_mean_of_the_middle():
    # Median (1 + 4) / 2 = 2.5: distances 2.5, 1.5, 1.5, 3.5 drop the 6.
    assert MeaMed(f=1)(column(0, 1, 4, 6)).vector == pytest.approx(5 / 3)


def test_among_equally_near_values_the_lowest_row_wins():
    # Median 2: 0 and 4 lie equally far; row 0 is kept, whichever value it holds.
    assert MeaMed(f=1)(column(0, 2, 4)).vector == 1
    assert MeaMed(f=1)(column(4, 2, 0)).vector == 3


# --- geometric median -----------------------------------------------------------------


LINE = rows((1, 2, 3), (4, 5, 6), (7, 8, 9))


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


# --- Krum, Bulyan ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "scores", "selected"),
    [
        # 3 neighbours, squared: for 11 that is 1 + 25 + 25, for 12 it is 1 + 16 + 36.
        ("paper", [161, 101, 77, 51, 53, 57, 161], 11),
        # 4 neighbours, squared: for 6 that is 16 + 25 + 36 + 36.
        ("byzfl", [305, 201, 113, 132, 117, 157, 357], 6),
        # 3 neighbours, to the 4th: for 16 that is 256 + 256 + 625.
        ("epfml", [15953, 6833, 2177, 1251, 1553, 1137, 10913], 16),
        # 4 neighbours, plain: for 12 that is 1 + 4 + 6 + 8.
        ("monna", [31, 25, 21, 20, 19, 23, 35], 12),
    ],
)
def test_the_four_krums_select_four_different_updates(variant, scores, selected):
    # n = 7, f = 2. Distances: 0: 2 6 11 12,  2: 2 4 9 10,  6: 4 5 6 6,  11: 1 5 5 9,
    # 12: 1 4 6 8,  16: 4 4 5 10,  20: 4 8 9 14.
    found = Krum(f=2, variant=variant)(column(0, 2, 6, 11, 12, 16, 20))
    np.testing.assert_array_equal(found.diagnostics["scores"], scores)
    assert found.vector == selected


def test_multi_krum_with_m_one_is_krum_and_with_more_the_mean_of_the_best():
    # Scores as above: 51 for 11, 53 for 12, 57 for 16, 77 for 6.
    updates = column(0, 2, 6, 11, 12, 16, 20)
    for m, expected in ((1, 11), (2, 11.5), (3, 13), (4, 45 / 4)):
        assert MultiKrum(f=2, m=m)(updates).vector == expected


def test_bulyan_iterates_and_a_single_pass_selects_another_set():
    # n = 7, f = 1: 5 rows are selected, the 3 around their median averaged.
    # Krum among all 7, with 4 neighbours: 110 79 47 38 34 47 70.      8 wins.
    # Among 0 1 3 6 9 10, with 3:  46 30 22 34 46 66.                  3 wins.
    # Among 0 1 6 9 10, with 2:  37 26 25 10 17.                       9 wins.
    # Among 0 1 6 10, with 1:  1 1 16 16.                              0 wins.
    # Among 1 6 10, with 1:  25 16 16.                                 6 wins.
    # The median of 0 3 6 8 9 is 6; nearest are 6, 8 and, at 3 like 9, 3.
    updates = column(0, 1, 3, 6, 8, 9, 10)
    bulyan = Bulyan(f=1)
    np.testing.assert_array_equal(bulyan.select(updates), [4, 2, 5, 0, 3])
    found = bulyan(updates)
    np.testing.assert_array_equal(found.selected, [0, 2, 3, 4, 5])
    assert found.vector == pytest.approx(17 / 3)
    # The five best of the first pass are 8 6 3 9 10: all scores but 110 and 79. Their
    # median is 8; nearest are 8, 9 and, at 2 like 10, 6.
    once = MultiKrum(f=1, m=5)(updates).selected
    np.testing.assert_array_equal(once, [2, 3, 4, 5, 6])
    values = updates[once, 0]
    near = np.argsort(np.abs(values - np.median(values)), kind="stable")[:3]
    assert values[near].mean() == pytest.approx(23 / 3)


def test_bulyan_agrees_with_its_definition_written_plainly(rng):
    n, f = 11, 2
    updates = rng.normal(size=(n, 5)).astype(np.float32)
    wide = updates.astype(np.float64)
    left, selected = list(range(n)), []
    while len(selected) < n - 2 * f:
        scores = {}
        for i in left:
            squares = sorted(((wide[i] - wide[j]) ** 2).sum() for j in left if j != i)
            scores[i] = sum(squares[: max(1, len(left) - f - 2)])
        winner = min(left, key=lambda i: (scores[i], i))
        selected.append(winner)
        left.remove(winner)
    expected = []
    for values in wide[selected].T:
        middle = np.median(values)
        expected.append(np.mean(sorted(values, key=lambda v: abs(v - middle))[:3]))
    np.testing.assert_allclose(Bulyan(f=f)(updates).vector, expected, rtol=1e-6)


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


# --- subsets --------------------------------------------------------------------------


def test_mda_and_smea_by_hand_where_they_choose_differently():
    # n = 5, f = 2: of three neighbours each, 0 0 9 has diameter 9 and variance
    # (9 + 9 + 36) / 3 = 18; 9 14 19 has diameter 10 and variance 50 / 3; 0 9 14 more.
    updates = column(0, 0, 9, 14, 19)
    closest, calmest = MDA(f=2)(updates), SMEA(f=2)(updates)
    np.testing.assert_array_equal(closest.selected, [0, 1, 2])
    assert closest.vector == 3
    np.testing.assert_array_equal(calmest.selected, [2, 3, 4])
    assert calmest.vector == 14


def test_the_first_of_equally_good_subsets_wins():
    for rule in (MDA(f=1), SMEA(f=1)):
        np.testing.assert_array_equal(rule(column(0, 1, 2, 3)).selected, [0, 1, 2])


def diameter(subset: np.ndarray) -> float:
    return max(np.linalg.norm(a - b) for a, b in itertools.combinations(subset, 2))


def top_eigenvalue(subset: np.ndarray) -> float:
    return np.linalg.eigvalsh(np.cov(subset, rowvar=False, bias=True))[-1]


@pytest.mark.parametrize(("make", "cost"), [(MDA, diameter), (SMEA, top_eigenvalue)])
@pytest.mark.parametrize(("n", "f", "d"), [(5, 2, 3), (8, 3, 4), (9, 2, 20)])
def test_the_best_subset_agrees_with_brute_force(make, cost, n, f, d, rng):
    for _ in range(5):
        updates = rng.normal(size=(n, d)).astype(np.float32)
        subsets = itertools.combinations(range(n), n - f)
        best = min(subsets, key=lambda s: cost(updates[list(s)].astype(np.float64)))
        found = make(f=f)(updates)
        assert found.selected.tolist() == list(best)
        expected = updates[list(best)].mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(found.vector, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("make", [MDA, SMEA])
def test_more_subsets_than_the_limit_are_refused(make):
    # 5 choose 3 is 10.
    updates = column(1, 2, 3, 4, 5)
    assert make(f=2, max_subsets=10)(updates).vector == 2
    with pytest.raises(ValueError, match=r"10 subsets of 3 of 5 updates.*max_subsets"):
        make(f=2, max_subsets=9)(updates)


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


# --- lengths and distances ------------------------------------------------------------


def test_cge_drops_the_longest_by_hand():
    # Lengths 5, 1, 13, 2: the two longest go.
    updates = rows((3, 4), (0, 1), (5, 12), (-2, 0))
    found = CGE(f=1)(updates)
    np.testing.assert_array_equal(found.diagnostics["scores"], [5, 1, 13, 2])
    np.testing.assert_array_equal(found.selected, [0, 1, 3])
    np.testing.assert_allclose(found.vector, [1 / 3, 5 / 3])


def test_monna_trusts_a_client_not_a_row():
    updates, context = column(0, 1, 10, 12, 2), RuleContext(clients=[7, 3, 5, 2, 4])
    # Client 3 is row 1: of distances 1, 0, 9, 11, 1 the three least.
    found = MoNNA(f=2, trusted=3)(updates, context=context)
    np.testing.assert_array_equal(found.selected, [0, 1, 4])
    assert found.vector == 1
    # Without ids, row 3 is client 3: distances 12, 11, 2, 0, 10.
    found = MoNNA(f=2, trusted=3)(updates)
    np.testing.assert_array_equal(found.selected, [2, 3, 4])
    assert found.vector == 8


def test_monna_without_its_trusted_client_is_undefined():
    context = RuleContext(clients=[7, 3, 5])
    with pytest.raises(ValueError, match="client 1 sent no update"):
        MoNNA(f=1, trusted=1)(column(0, 1, 2), context=context)


def test_centered_clipping_by_hand_over_two_rounds():
    # v = 0: clipped to 1 they are 0, 1, 1, so v = 2/3. Around it they are -2/3, 1, 1,
    # so v = 2/3 + 4/9 = 10/9.
    rule, updates = CenteredClipping(tau=1.0, iterations=1), column(0, 2, 10)
    first = rule(updates)
    assert first.vector == pytest.approx(2 / 3)
    # Factors 1, 1/2, 1/10 of 8/5.
    np.testing.assert_allclose(first.weights, [10 / 16, 5 / 16, 1 / 16])
    assert first.diagnostics == {"clipped": 2}
    assert rule(updates, first.state).vector == pytest.approx(10 / 9)
    assert rule(updates).vector == pytest.approx(2 / 3), "the rule itself has no memory"
    twice = CenteredClipping(tau=1.0, iterations=2)(updates)
    assert twice.vector == pytest.approx(10 / 9)


def test_centered_clipping_clips_lengths_not_coordinates():
    # Around (1, 0) the only update is (3, 4), of length 5: half of it is left.
    rule = CenteredClipping(tau=2.5, iterations=1)
    found = rule(rows((4, 4)), np.array([1.0, 0.0]))
    np.testing.assert_allclose(found.vector, [2.5, 2])


def test_centered_clipping_with_a_large_radius_is_the_mean():
    found = CenteredClipping(tau=100.0, iterations=1)(column(1, 2, 6))
    assert found.vector == 3
    assert found.diagnostics == {"clipped": 0}


def test_centered_clipping_refuses_a_state_of_another_width():
    with pytest.raises(ValueError, match=r"state must be \(1,\), not \(2,\)"):
        CenteredClipping()(column(1, 2), np.zeros(2))


def test_norm_clipping_by_hand():
    # Lengths 5, 10, 0: the second is halved. (3 + 3 + 0) / 3 and (4 + 4 + 0) / 3.
    found = NormClipping(max_norm=5.0)(rows((3, 4), (6, 8), (0, 0)))
    np.testing.assert_allclose(found.vector, [2, 8 / 3], rtol=1e-6)
    np.testing.assert_allclose(found.weights, [0.4, 0.2, 0.4])
    assert found.diagnostics == {"clipped": 1}


def test_the_noise_of_norm_clipping_is_keyed_and_of_its_size():
    updates, rule = np.zeros((2, 20_000), np.float32), NormClipping(noise=0.5)
    keys = [(0, 1), (0, 2), (1, 1)]
    draws = [
        rule(updates, context=RuleContext(seed=seed, round=round)).vector
        for seed, round in keys
    ]
    again = rule(updates, context=RuleContext(seed=0, round=1)).vector
    np.testing.assert_array_equal(draws[0], again)
    # A correlation of 20,000 independent draws is about 1 / sqrt(20,000) = 0.007.
    assert (np.abs(np.corrcoef(draws)[~np.eye(3, dtype=bool)]) < 0.04).all()
    # Their standard deviation is known to 0.5 / sqrt(40,000) = 0.0025.
    np.testing.assert_allclose(np.std(draws, axis=1), 0.5, atol=0.01)


def test_sign_majority_by_hand():
    # Votes +1 +1 -1 = 1;  -1 -1 0 = -2;  +1 0 -1 = 0: a tie makes no step.
    updates = rows((0.1, -3, 5), (2, -1e-6, 0), (-900, 0, -1))
    expected = np.array([0.25, -0.25, 0], np.float32)
    np.testing.assert_array_equal(SignMajority(step=0.25)(updates).vector, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Krum(f=-1), "f=-1: must be at least 0"),
        (lambda: MultiKrum(f=1, m=0), "m=0: must be at least 1"),
        (lambda: Krum(f=1)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
        (lambda: MultiKrum(f=1, m=6)(column(1, 2, 3, 4, 5, 6)), "at least 7"),
        (lambda: TrimmedMean(f=2)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
        (lambda: Krum(variant="mine"), "variant='mine': must be one of 'paper'"),
        (lambda: Krum(f=2, variant="byzfl")(column(1, 2, 3, 4)), "at least 5"),
        (lambda: Bulyan(f=1)(column(1, 2, 3, 4, 5, 6)), "at least 7 updates, not 6"),
        (lambda: GeometricMedian(iterations=0), "iterations=0: must be at least 1"),
        (lambda: GeometricMedian(nu=0.0), "nu=0.0: must be above 0"),
        (lambda: GeometricMedian(init="x"), "init='x': must be one of zeros"),
        (lambda: CenteredClipping(tau=0.0), "tau=0.0: must be above 0"),
        (lambda: NormClipping(max_norm=float("nan")), "max_norm=nan"),
        (lambda: SignMajority(step=-1.0), "step=-1.0: must be above 0"),
        (lambda: MoNNA(f=1, trusted=-1), "trusted=-1: must be at least 0"),
        (lambda: Median()(np.zeros(3, np.float32)), r"must be \(n, d\)"),
        (lambda: Median()(column(1, np.nan, 2)), "row 1 is not finite"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rules_are_usable_without_flower_and_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys; from strategies.rules import Krum; "
        "print([m for m in ('flwr', 'tensorflow', 'fedrobust') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def losses(*values: float, round: int = 2, **more: object) -> RuleContext:
    return RuleContext(losses=np.array(values), round=round, **more)


def test_sfat_up_weights_the_least_losses():
    # alpha = 1/3 makes p = 2. Losses rank row 2 first: (1 + 2 + 2 * 6) / (1 + 1 + 2).
    aggregate = SFAT(alpha=1 / 3)(column(1, 2, 6), None, losses(3, 0.5, 0.1))
    assert aggregate.vector == pytest.approx(15 / 4)
    np.testing.assert_allclose(aggregate.weights, [1 / 4, 1 / 4, 1 / 2])
    two = SFAT(alpha=1 / 3, k=2)(column(1, 2, 6), None, losses(3, 0.5, 0.1))
    assert two.vector == pytest.approx((1 + 4 + 12) / 5)


def test_sfat_has_the_papers_factor():
    # p = 1.4 for alpha = 1/6; five clients, one up-weighted.
    weights = SFAT()(column(0, 0, 0, 0, 0), None, losses(5, 4, 3, 2, 1)).weights
    np.testing.assert_allclose(weights, np.array([1, 1, 1, 1, 1.4]) / 5.4)


def test_sfat_is_the_mean_in_round_one_and_without_slack():
    updates = column(1, 2, 6)
    assert SFAT(alpha=0.5)(updates, None, losses(3, 2, 1, round=1)).vector == 3
    assert SFAT(alpha=0)(updates, None, losses(3, 2, 1)).vector == 3


def test_sfat_weights_by_examples_if_weighted_is_set():
    context = losses(1, 2, num_examples=np.array([1, 4]))
    # 2 * 1 : 1 * 4 of 0 and 3.
    aggregate = SFAT(alpha=1 / 3, weighted=True)(column(0, 3), None, context)
    assert aggregate.vector == pytest.approx(2)


def test_sfat_as_coded_shrinks_the_model_unless_the_first_client_is_best():
    # n = 5, k = 1, p = 1.4: (4 + p) / (3 + 2p) of the model 10 plus the step.
    updates, model = column(1, 1, 1, 1, 1), np.array([10.0], np.float32)
    rule = SFAT(variant="code")
    best_last = losses(5, 4, 3, 2, 1, parameters=model)
    shrunk = 5.4 / 5.8
    step = rule(updates, None, best_last).vector
    assert model + step == pytest.approx(shrunk * 11, rel=1e-6)
    assert shrunk == pytest.approx(0.931, abs=5e-4)
    best_first = losses(1, 2, 3, 4, 5, parameters=model)
    assert rule(updates, None, best_first).vector == pytest.approx(1)
    assert SFAT()(updates, None, best_last).vector == pytest.approx(1)


def test_a_loss_that_is_not_reported_ranks_last():
    aggregate = SFAT(alpha=1 / 3)(column(1, 2, 6), None, losses(np.inf, 9, np.inf))
    np.testing.assert_allclose(aggregate.weights, [1 / 4, 1 / 2, 1 / 4])
    with pytest.raises(ValueError, match=r"SFAT\(.*needs context.losses"):
        SFAT()(column(1, 2, 6))


@pytest.mark.parametrize("liars", [1, 2, 3])
def test_a_client_that_lies_about_its_loss_gets_more_than_its_share_under_sfat(liars):
    # The danger: ten clients, the liars report 0 and send 1, the honest send 0.
    n, p = 10, 1.4
    reported = [0.0] * liars + [0.5] * (n - liars)
    updates = column(*[1.0] * liars, *[0.0] * (n - liars))
    gained = SFAT(k=3)(updates, None, losses(*reported)).vector
    assert gained == pytest.approx(liars * p / (n - 3 + 3 * p))
    assert gained > Mean()(updates).vector
    # Without the lie, the same clients have less than their share.
    honest = SFAT(k=3)(updates, None, losses(*[1 - loss for loss in reported])).vector
    assert honest < Mean()(updates).vector


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 1.0}, "alpha=1.0"),
        ({"alpha": -0.1}, "alpha=-0.1"),
        ({"k": 0}, "k=0"),
        ({"variant": "x"}, "paper or code"),
        ({"variant": "code", "weighted": True}, "weighted=True"),
    ],
)
def test_sfat_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        SFAT(**parameters)


@pytest.mark.parametrize(
    "rule",
    [
        Mean(),
        Median(),
        TrimmedMean(f=5),
        Krum(f=5),
        GeometricMedian(),
        CenteredClipping(tau=10.0),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_no_second_matrix_of_updates_is_made(rule):
    updates = np.random.default_rng(0).standard_normal((25, 400_000), np.float32)
    # As the strategy calls it; rows in another order are put into it by a copy.
    context = RuleContext(clients=range(25))
    tracemalloc.start()
    try:
        rule(updates, None, context)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.5 * updates.nbytes
