"""MDA and SMEA: the best subset of the updates."""

import itertools

import numpy as np
import pytest

from strategies.rules import MDA, SMEA
from tests.strategies.matrices import column


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
