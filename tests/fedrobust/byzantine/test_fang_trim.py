"""Fang's attack on the trimmed mean."""

import numpy as np

from fedrobust.byzantine import AttackContext, FangTrim
from tests.fedrobust.byzantine.updates import HONEST


def test_fang_trim_draws_beyond_the_honest_range_against_the_mean():
    # Columns with mean > 0 and minimum 1 or -1, and mean < 0 and maximum -1 or 1.
    honest = np.array([[1, -1, -1, 1], [5, 5, -5, -5]], np.float32)
    rows = FangTrim(b=2)(honest, 500)
    bounds = [(0.5, 1), (-2, -1), (-1, -0.5), (1, 2)]
    for column, (low, high) in zip(rows.T, bounds, strict=True):
        assert low <= column.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < column.max() <= high


def test_fang_trim_draws_anew_each_round_and_for_each_seed():
    first, again, round_2, seed_1 = (
        FangTrim()(HONEST, 2, AttackContext(round=round, seed=seed))
        for round, seed in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert (first != round_2).any()
    assert (first != seed_1).any()
