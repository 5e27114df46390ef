"""Hand-worked cases of each rule, and what the rules must withstand."""

import numpy as np
import pytest
from scipy.stats import trim_mean

from strategies.rules import Krum, Mean, Median, MultiKrum, RuleContext, TrimmedMean
from strategies.rules.distances import squared_distances


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


def test_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle():
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


def test_multi_krum_averages_the_m_best_without_weights():
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Krum(f=-1), "f=-1: must be at least 0"),
        (lambda: MultiKrum(f=1, m=0), "m=0: must be at least 1"),
        (lambda: Krum(f=1)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
        (lambda: MultiKrum(f=1, m=6)(column(1, 2, 3, 4, 5, 6)), "at least 7"),
        (lambda: TrimmedMean(f=2)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
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
