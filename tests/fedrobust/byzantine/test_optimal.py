"""Optimised attacks: their searches, and what they find."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.byzantine import ALIE, IPM, OptimalALIE, OptimalIPM
from fedrobust.byzantine.optimal import expanding_search, grid_search
from strategies.rules import Krum, Mean, Median, TrimmedMean
from tests.fedrobust.byzantine.updates import HONEST, against, normal


def test_the_expanding_search_doubles_until_it_fails_and_then_shrinks():
    tried = []

    def objective(x):
        tried.append(x)
        return -abs(x - 4)

    best = expanding_search(objective, 8, start=0.0, step=1.0, shrink=0.5)
    # 0 and 1 and 1 + 2 improve; 3 + 4 fails, and so do 3 + 2 (a tie with 3) and all
    # but 3 + 1; the step is half of the one before each time.
    assert tried == [0, 1, 3, 7, 5, 4, 4.5, 4.25]
    assert best == 4


def test_the_searches_make_as_many_evaluations_as_allowed():
    assert expanding_search(lambda x: x, 1, 2.0, 1.0, 0.8) == 2
    assert expanding_search(lambda x: x, 4, 0.0, 1.0, 0.8) == 1 + 2 + 4
    for evaluations in (1, 2, 3, 20):
        tried = []
        grid_search(lambda x, tried=tried: tried.append(x) or x, evaluations, 10.0)
        assert len(tried) == evaluations


def test_the_grid_search_goes_both_ways_from_the_best_of_the_grid():
    tried = []

    def objective(x):
        tried.append(x)
        return x if x < 0.1 else 0.09 / x  # selected below 0.1, and dropped above

    best = grid_search(objective, 9, largest=10.0)
    # 0.1 is the best of the grid. Ten times and a tenth of it are worse, and so are its
    # products with the root of ten and with 1 / root; the fourth root comes next.
    up, root = 10**0.25, 10**0.5
    expected = [0.01, 0.1, 1, 10, 1, 0.01, 0.1 * root, 0.1 / root, 0.1 * up]
    np.testing.assert_allclose(tried, expected)
    assert best == pytest.approx(0.1)
    np.testing.assert_allclose(grid_search(lambda x: x, 5, 10.0), 10 * 1000**3)


@pytest.mark.parametrize("rule", [Median(), Mean(), Krum(f=3)], ids=repr)
def test_optimal_attacks_move_the_aggregate_no_less_than_fixed_ones(rule):
    honest = normal()
    context = against(rule, honest)
    mean = honest.mean(axis=0)

    def damage(attack):
        return np.linalg.norm(context.aggregate(attack(honest, 3, context)) - mean)

    assert damage(OptimalALIE()) >= damage(ALIE())
    assert damage(OptimalIPM()) >= damage(IPM(epsilon=1e-9))


@pytest.mark.parametrize("attack", [OptimalALIE(), OptimalIPM()], ids=repr)
@pytest.mark.parametrize("rule", [Krum(f=3), TrimmedMean(f=3)], ids=repr)
def test_optimal_attacks_come_near_the_best_of_a_fine_grid(attack, rule, rng):
    for _ in range(5):
        honest = (rng.normal(size=(12, 30)) + rng.normal(size=30)).astype(np.float32)
        context = against(rule, honest)
        mean = honest.mean(axis=0, dtype=np.float64)
        origin, direction = attack.line(honest)

        def damage(rows, context=context, mean=mean):
            return np.linalg.norm(context.aggregate(rows) - mean)

        best = max(
            damage(np.tile(origin + size * direction, (3, 1)).astype(np.float32))
            for size in np.geomspace(0.01, 100, 200)
        )
        sent = attack(honest, 3, context)
        assert damage(sent) >= 0.85 * best
        other = replace(attack, search="expanding")(honest, 3, context)
        assert damage(sent) >= 0.85 * damage(other)
        if isinstance(rule, Krum) and isinstance(attack, OptimalALIE):
            # What ByzFL's search sends, Krum never selects.
            np.testing.assert_array_equal(context.aggregate(sent), sent[0])
            assert (context.aggregate(other) != other[0]).any()


def test_optimal_attacks_by_hand_against_the_mean():
    # The mean moves further with every step: 10 + 20 are the two steps of 3 trials.
    context = against(Mean(), HONEST)
    np.testing.assert_allclose(
        OptimalIPM(evaluations=3, search="expanding")(HONEST, 1, context), [[-90, -60]]
    )
    assert context.chosen == {"size": 30}
    attack = OptimalALIE(evaluations=3, search="expanding", sign=1)
    found = attack(HONEST, 1, context)
    np.testing.assert_allclose(found, [[3 + 30 * 2, 2 + 30 * 12**0.5]], rtol=1e-6)


def test_optimal_attacks_need_the_pipeline_and_pass_its_errors_on():
    with pytest.raises(ValueError, match=r"context\.aggregate"):
        OptimalALIE()(HONEST, 1)
    with pytest.raises(ValueError, match="at least 9"):
        OptimalIPM()(HONEST, 1, against(Krum(f=3), HONEST))
