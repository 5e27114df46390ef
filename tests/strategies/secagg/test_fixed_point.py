"""Integers for floats: hand-worked values, and sums that never wrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.secagg import FixedPoint

TOP = 2**31 - 1


def test_hand_worked_integers():
    fixed = FixedPoint(clip=2.0, clients=1)
    words = fixed.encode(np.array([0.0, 2.0, -2.0, 1.0, 3.0, -9.0]))
    # Half of 2^31 - 1 is rounded to the even integer.
    signed = words[:-1].view(np.int32).tolist()
    assert signed == [0, TOP, -TOP, 2**30, TOP, -TOP]
    assert words[-1] == 2
    assert FixedPoint(clip=8.0, clients=30).resolution == pytest.approx(1.12e-7, 1e-2)


@pytest.mark.parametrize("clients", [1, 2, 3, 30, 1000, 2**16 + 1])
def test_the_largest_sums_do_not_wrap(clients):
    fixed = FixedPoint(clip=0.5, clients=clients)
    words = fixed.encode(np.array([0.5, -0.5, 1e300, -1e300])).astype(np.uint64)
    total = (words * clients % 2**32).astype(np.uint32)
    mean, clipped = fixed.decode(total, clients)
    np.testing.assert_allclose(mean, [0.5, -0.5, 0.5, -0.5], rtol=1e-15)
    assert clipped == 2 * clients
    assert fixed.levels * clients <= TOP < (fixed.levels + 1) * clients


def test_the_count_of_clipped_values_does_not_wrap_either():
    fixed = FixedPoint(clip=1.0, clients=2**31 - 1)
    words = fixed.encode(np.full(10, 7.0))
    assert int(words[-1]) * fixed.clients < 2**32


@given(
    st.lists(
        st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4),
        min_size=1,
        max_size=9,
    ),
    st.integers(0, 20),
)
def test_the_mean_is_right_to_half_a_step(updates, missing):
    values = np.array(updates)
    fixed = FixedPoint(clip=2.0, clients=len(values) + missing)
    total = np.sum([fixed.encode(row) for row in values], 0, dtype=np.uint32)
    mean, clipped = fixed.decode(total, len(values))
    expected = values.clip(-2, 2).mean(axis=0)
    # And what float64 loses.
    np.testing.assert_allclose(mean, expected, atol=0.51 * fixed.resolution + 1e-15)
    assert clipped == np.count_nonzero(np.abs(values) > 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip": 0.0}, "clip=0.0: must be above 0"),
        ({"clients": 0}, "clients=0: must be in"),
        ({"clients": 2**31}, "clients=2147483648: must be in"),
    ],
)
def test_undefined_ranges_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FixedPoint(**{"clip": 1.0, "clients": 2, **settings})
