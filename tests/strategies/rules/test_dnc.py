"""DnC: outliers along the top direction, by hand."""

import numpy as np
import pytest

from strategies.randomness import Draw, server_generator
from strategies.rules import DnC, RuleContext
from tests.strategies.matrices import ALONG_Y, rows


def test_dnc_drops_the_outlier_along_the_top_direction_by_hand():
    found = DnC(f=1)(ALONG_Y)
    np.testing.assert_allclose(found.diagnostics["scores"], [4, 4, 1, 9, 64])
    np.testing.assert_array_equal(found.selected, [0, 1, 2, 3])
    np.testing.assert_allclose(found.vector, [0, 0], atol=1e-7)


def test_dnc_drops_c_times_f_updates_rounded_down():
    # The two highest scores, 64 and 9, go.
    found = DnC(f=1, c=2.9)(ALONG_Y)
    np.testing.assert_array_equal(found.selected, [0, 1, 2])
    np.testing.assert_allclose(found.vector, [0, 1 / 3], atol=1e-7)


def test_dnc_draws_its_columns_by_seed_and_round():
    # Column j is owned by row j: the row that is dropped tells which column was drawn.
    updates, rule = 9 * np.eye(4, dtype=np.float32), DnC(f=1, subsample=1)
    dropped = {}
    for seed in (0, 1):
        for round in range(1, 9):
            context = RuleContext(seed=seed, round=round)
            (gone,) = set(range(4)) - set(rule(updates, None, context).selected)
            rng = server_generator(seed, Draw.DNC, round)
            assert gone == rng.choice(4, 1, replace=False)
            dropped[seed, round] = gone
    by_seed = [[dropped[seed, r] for r in range(1, 9)] for seed in (0, 1)]
    assert by_seed[0] != by_seed[1]
    assert len(set(by_seed[0])) > 1


def test_dnc_keeps_the_rows_that_every_iteration_keeps():
    # Two columns, each owned by one of two rows: enough draws see both.
    updates = rows((9, 0), (0, 9), (1, 1), (1, 1), (1, 1))
    found = DnC(f=1, subsample=1, iterations=30)(updates)
    np.testing.assert_array_equal(found.selected, [2, 3, 4])
    np.testing.assert_array_equal(found.vector, [1, 1])


def test_dnc_is_undefined_if_no_row_is_kept():
    with pytest.raises(ValueError, match="no update was kept every time"):
        DnC(f=1, subsample=1, iterations=100)(9 * np.eye(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DnC(iterations=0), "iterations=0: must be at least 1"),
        (lambda: DnC(subsample=0), "subsample=0: must be at least 1"),
        (lambda: DnC(c=0.0), "c=0.0: must be above 0"),
        (lambda: DnC(f=1, c=5.0)(ALONG_Y), "at least 6 updates, not 5"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
