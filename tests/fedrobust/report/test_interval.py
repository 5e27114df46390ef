"""Means over seeds with their intervals, by hand."""

import math

import pytest

from fedrobust.report.interval import count, estimate, words

SHARE = (0.0, 100.0)


def test_three_seeds_have_a_t_interval_by_hand():
    """A standard deviation of 2, and t(0.975, 2) is 4.30265."""
    found = estimate([90, 92, 94], SHARE)
    assert (found.mean, found.num_seeds, found.is_banded) == (92, 3, True)
    assert found.half == pytest.approx(4.30265 * 2 / math.sqrt(3), abs=1e-4)
    assert (found.low, found.high) == pytest.approx((87.0317, 96.9683), abs=1e-4)


def test_two_seeds_show_both_and_one_shows_itself():
    found = estimate([90, 94], SHARE)
    assert (found.mean, found.low, found.high, found.half) == (92, 90, 94, 2)
    assert not found.is_banded
    found = estimate([90], SHARE)
    assert (found.mean, found.low, found.high, found.half) == (90, 90, 90, 0)
    assert not found.is_banded


def test_ends_stay_within_what_a_share_may_be_but_its_half_width_does_not():
    found = estimate([96, 98, 100], SHARE)
    assert found.high == 100
    assert found.half == pytest.approx(4.9683, abs=1e-4)
    assert estimate([0, 2, 4], SHARE).low == 0
    assert estimate([96, 98, 100], (-math.inf, math.inf)).high > 102


def test_the_spread_is_the_standard_deviation_of_the_tables():
    assert estimate([90, 92, 94], SHARE).deviation == pytest.approx(2)
    assert estimate([90, 94], SHARE).deviation == pytest.approx(2 * math.sqrt(2))
    assert math.isnan(estimate([90], SHARE).deviation)


def test_equal_seeds_have_an_interval_of_no_width():
    found = estimate([50, 50, 50], SHARE)
    assert (found.low, found.mean, found.high) == (50, 50, 50)


@pytest.mark.parametrize(
    ("fewest", "most", "said", "seeds"),
    [
        (0, 0, "", ""),
        (1, 1, "", "One seed, so no interval is shown"),
        (2, 2, "Two seeds: mean, and bars from one to the other.", "2 seeds"),
        (3, 5, "Mean and 95 % t interval over seeds.", "3 to 5 seeds"),
        (1, 4, "Numbers of one seed have no interval. ", "1 to 4 seeds"),
    ],
)
def test_what_is_drawn_is_said(fewest, most, said, seeds):
    assert words(fewest, most).startswith(said)
    assert bool(words(fewest, most)) == bool(said)
    assert count(fewest, most) == seeds
