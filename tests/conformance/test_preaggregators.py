"""The properties that every pre-aggregator must have."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.conformance.matrices import SIZES, attacked, finite_updates, honest
from tests.conformance.members import PREAGGREGATORS, N, context_for

every_preaggregator = pytest.mark.parametrize("pre", PREAGGREGATORS, ids=repr)


@every_preaggregator
@settings(max_examples=25, deadline=None)
@given(updates=finite_updates)
def test_preaggregated_rows_are_finite_float32_of_the_promised_number(pre, updates):
    before = updates.copy()
    rows = pre(updates, context_for(updates))
    assert rows.shape == (pre.num_rows(N), 3)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(updates, before)
    assert not np.shares_memory(rows, updates)


@every_preaggregator
def test_preaggregating_twice_gives_the_same_bits(pre, rng):
    updates = honest(rng)
    first, second = (pre(updates, context_for(updates)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@every_preaggregator
def test_with_client_ids_the_order_of_rows_orders_the_preaggregated_rows(pre, rng):
    updates, order = honest(rng), rng.permutation(N)
    rows = pre(updates, context_for(updates))
    shuffled = pre(updates[order], context_for(updates[order], order.tolist()))
    places = order if pre.keeps_places else slice(None)
    np.testing.assert_array_equal(shuffled, rows[places])


@every_preaggregator
@pytest.mark.parametrize("size", SIZES)
def test_preaggregating_a_huge_row_gives_no_nan(pre, size, rng):
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(pre(attacked(rng, size, bad=1))).all()


@every_preaggregator
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_preaggregating_what_is_not_finite_is_refused(pre, bad):
    updates = np.zeros((N, 4), np.float32)
    updates[5, 2] = bad
    with pytest.raises(ValueError, match="row 5 is not finite"):
        pre(updates)
