"""Means and medians of integers and floats, in their own dtype."""

from fractions import Fraction

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, MetricRecord
from hypothesis import given
from hypothesis import strategies as st

from strategies.linalg.averages import median, weighted_mean
from strategies.pipeline import Pipeline
from strategies.rules import Aggregate, Krum, Mean, Median
from strategies.screening import LEAST_WEIGHT
from tests.messages import reply
from tests.strategies import one_round
from tests.strategies.one_round import replies_of

INTEGERS = [np.int8, np.int64, np.uint8, np.uint64, np.int32]


def even(n):
    return np.full(n, 1 / n)


@pytest.mark.parametrize("dtype", [*INTEGERS, np.float32, np.float16, bool])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 49])
def test_equal_values_stay(dtype, n):
    limit = 1 if dtype is bool or np.issubdtype(dtype, np.floating) else np.iinfo(dtype)
    for value in (0, 1) if limit == 1 else (limit.min, 7, limit.max, limit.max - 1):
        rows = np.full((n, 2, 3), value, dtype)
        for found in (median(rows), weighted_mean(rows, even(n))):
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, rows[0])


def test_a_mean_of_integers_is_rounded_halves_to_even():
    for values, mean in (([7, 8], 8), ([6, 7], 6), ([-7, -8], -8), ([1, 1, 3], 2)):
        assert weighted_mean(np.array(values), even(len(values))) == mean
    assert weighted_mean(np.array([1, 9]), np.array([0.25, 0.75])) == 7
    # Who has no weight does not count, not even as the smallest.
    big = 2**53 + 1
    assert weighted_mean(np.array([-(2**63), big]), np.array([0.0, 1.0])) == big


@given(
    values=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9),
    extreme=st.sampled_from([0, -(2**63), 2**63 - 1]),
)
def test_a_median_of_integers_is_that_of_exact_arithmetic(values, extreme):
    values = [*values, extreme]
    ordered, n = sorted(values), len(values)
    exact = Fraction(ordered[(n - 1) // 2] + ordered[n // 2], 2)
    assert int(median(np.array(values, np.int64))) == round(exact)
    unsigned = np.array([v + 2**63 for v in values], np.uint64)
    assert int(median(unsigned)) == round(exact + 2**63)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=9))
def test_a_mean_of_integers_is_that_of_exact_arithmetic_or_its_neighbour(values):
    found = int(weighted_mean(np.array(values), even(len(values))))
    assert abs(found - Fraction(sum(values), len(values))) <= Fraction(1, 2) + 2**-10


@pytest.mark.parametrize("rule", [Mean(), Mean(weighted=True), Median(), Krum(f=0)])
@pytest.mark.parametrize("value", [7, 2**53 + 1, -(2**63), 0])
def test_a_statistic_that_all_clients_agree_on_is_what_they_sent(rule, value):
    def model(count, w):
        return ArrayRecord(
            {"w": Array(np.full(1, w, np.float32)), "c": Array(np.array([count]))}
        )

    strategy = one_round.configured(rule, 3, model(5, 0.0), statistics=["c"])
    replies = replies_of([model(value, w) for w in (0, 1, 2)], [10, 3, 7])
    arrays, _ = strategy.aggregate_train(1, replies)
    assert arrays["c"].numpy().dtype == np.int64
    assert arrays["c"].numpy() == value


@pytest.mark.parametrize("weight", [5e-324, 1e-300, LEAST_WEIGHT])
def test_a_negligible_weight_does_not_spoil_an_integer_mean(weight):
    def model(count, w):
        return ArrayRecord(
            {"w": Array(np.full(1, w, np.float32)), "c": Array(np.array([count]))}
        )

    strategy = one_round.configured(
        *(Mean(weighted=True), 2, model(5, 0.0)),
        statistics=["c"],
        optional_statistics=["c"],
        weighted_by_key="weight",
    )
    # Client 0 alone has changed the statistic.
    replies = [
        reply(model(c, 2.0), MetricRecord({"weight": w}), node=one_round.NODE + client)
        for client, (c, w) in enumerate([(7, weight), (5, 1e7)])
    ]
    arrays, _ = strategy.aggregate_train(1, replies)
    assert arrays["w"].numpy() == 2.0
    is_counted = weight == LEAST_WEIGHT
    assert arrays["c"].numpy() == (7 if is_counted else 5)
    assert strategy.last_round.accepted == ([0, 1] if is_counted else [1])


def test_voters_with_zero_weight_count_equally():
    rows = np.array([[6, 1], [8, 3], [100, 100]])
    aggregate = Aggregate(vector=np.zeros(2), weights=np.array([0.0, 0.0, 1.0]))
    votes = np.array([True, True, False])
    found = Pipeline(Mean(weighted=True)).follow(rows, aggregate, votes)
    np.testing.assert_array_equal(found, [7, 2])
