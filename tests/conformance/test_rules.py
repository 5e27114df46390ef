"""The properties that every rule must have, run by every rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.rules import Krum, Mean, Median, MultiKrum, RuleContext, TrimmedMean

RULES = [
    Mean(),
    Mean(weighted=True),
    Median(),
    TrimmedMean(f=2),
    Krum(f=2),
    MultiKrum(f=2),
    MultiKrum(f=2, m=3),
]
ROBUST = [rule for rule in RULES if not isinstance(rule, Mean)]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)
every_robust_rule = pytest.mark.parametrize("rule", ROBUST, ids=repr)
N = 9


def context(n: int = N) -> RuleContext:
    return RuleContext(
        clients=tuple(range(n)), num_examples=np.full(n, 7), round=3, seed=1
    )


def aggregate(rule, updates):
    return rule(updates, None, context(len(updates)))


finite_updates = arrays(
    np.float32, (N, 3), elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
)


@every_rule
@settings(max_examples=30, deadline=None)
@given(updates=finite_updates)
def test_output_is_a_finite_float32_vector_within_the_hull(rule, updates):
    before = updates.copy()
    vector = aggregate(rule, updates).vector
    assert vector.shape == (3,)
    assert vector.dtype == np.float32
    slack = 1e-4 + 1e-6 * np.abs(updates).max()
    assert (vector >= updates.min(axis=0) - slack).all()
    assert (vector <= updates.max(axis=0) + slack).all()
    np.testing.assert_array_equal(updates, before)


@every_rule
def test_twice_gives_the_same_bits(rule, rng):
    updates = rng.normal(size=(N, 200)).astype(np.float32)
    first, second = aggregate(rule, updates), aggregate(rule, updates)
    np.testing.assert_array_equal(first.vector, second.vector)


@every_rule
def test_order_of_rows_hardly_matters(rule, rng):
    updates = rng.normal(size=(N, 200)).astype(np.float32)
    shuffled = updates[rng.permutation(N)]
    vector = aggregate(rule, updates).vector
    np.testing.assert_allclose(aggregate(rule, shuffled).vector, vector, atol=1e-6)


@every_rule
def test_translation_and_scale_move_the_output_along(rule, rng):
    updates = rng.normal(size=(N, 50)).astype(np.float32)
    shift = rng.normal(size=50).astype(np.float32)
    vector = aggregate(rule, updates).vector
    moved = aggregate(rule, 3 * updates + shift).vector
    np.testing.assert_allclose(moved, 3 * vector + shift, atol=1e-5)


@every_rule
def test_identical_rows_give_that_row(rule, rng):
    row = rng.normal(size=40).astype(np.float32)
    vector = aggregate(rule, np.tile(row, (N, 1))).vector
    np.testing.assert_allclose(vector, row, rtol=1e-6)


@every_rule
def test_its_minimum_is_enough_and_one_fewer_is_refused(rule):
    n = rule.min_clients
    assert np.isfinite(aggregate(rule, np.eye(n, 4, dtype=np.float32)).vector).all()
    with pytest.raises(ValueError, match="at least"):
        aggregate(rule, np.zeros((n - 1, 4), np.float32))


@every_rule
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_refused(rule, bad):
    updates = np.zeros((N, 4), np.float32)
    updates[5, 2] = bad
    with pytest.raises(ValueError, match="row 5 is not finite"):
        aggregate(rule, updates)


@every_robust_rule
@pytest.mark.parametrize("size", [1e3, 1e20, 3e38])
def test_two_bad_rows_of_nine_cannot_leave_the_honest_hull(rule, size, rng):
    updates = rng.normal(size=(N, 30)).astype(np.float32)
    honest = updates[2:]
    updates[:2] = size * np.sign(rng.normal(size=30))
    vector = aggregate(rule, updates).vector
    assert (vector >= honest.min(axis=0) - 1e-5).all()
    assert (vector <= honest.max(axis=0) + 1e-5).all()


def test_the_mean_is_owned_by_one_bad_row():
    updates = np.zeros((N, 1), np.float32)
    updates[0] = 9e9
    assert aggregate(Mean(), updates).vector == pytest.approx(1e9)


@every_rule
def test_nearly_equal_rows_keep_their_digits(rule, rng):
    row = rng.normal(size=100).astype(np.float32)
    updates = row + np.float32(1e-6) * rng.normal(size=(N, 100)).astype(np.float32)
    vector = aggregate(rule, updates).vector
    np.testing.assert_allclose(vector, row, atol=1e-5)


@every_rule
@pytest.mark.parametrize("d", [1, 100_003])
def test_any_width(rule, d, rng):
    updates = rng.normal(size=(N, d)).astype(np.float32)
    assert aggregate(rule, updates).vector.shape == (d,)
