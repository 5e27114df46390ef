"""Bucketing: which updates share a bucket."""

import numpy as np
import pytest

from strategies.preaggregators import Bucketing
from strategies.rules import RuleContext
from tests.strategies.matrices import column


def buckets_of(means: np.ndarray, s: int, n: int) -> list[set[int]]:
    """Read off which rows are in each bucket: row i is 2 ** i."""
    sizes = [min(s, n - start) for start in range(0, n, s)]
    sums = [round(float(m) * size) for m, size in zip(means, sizes, strict=True)]
    return [{i for i in range(n) if total >> i & 1} for total in sums]


@pytest.mark.parametrize(("n", "s", "sizes"), [(5, 2, [2, 2, 1]), (7, 3, [3, 3, 1])])
def test_bucketing_uses_every_row_once_and_the_last_bucket_may_be_short(n, s, sizes):
    rule, updates = Bucketing(s=s), column(*(2.0**i for i in range(n)))
    assert rule.num_rows(n) == len(sizes)
    for round in range(1, 6):
        found = rule(updates, RuleContext(seed=3, round=round)).ravel()
        buckets = buckets_of(found, s, n)
        assert [len(bucket) for bucket in buckets] == sizes
        assert set.union(*buckets) == set(range(n))


def test_buckets_are_keyed_by_seed_and_round():
    updates = column(*(2.0**i for i in range(9)))

    def buckets(seed: int, round: int) -> list[set[int]]:
        found = Bucketing(s=3)(updates, RuleContext(seed=seed, round=round))
        return buckets_of(found.ravel(), 3, 9)

    assert buckets(0, 1) == buckets(0, 1)
    assert buckets(0, 1) != buckets(0, 2)
    assert buckets(0, 1) != buckets(1, 1)


def test_buckets_of_one_permute_and_a_bucket_of_all_is_the_mean():
    updates = column(1, 2, 6)
    assert sorted(Bucketing(s=1)(updates).ravel()) == [1, 2, 6]
    for s in (3, 10):
        np.testing.assert_array_equal(Bucketing(s=s)(updates), [[3]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bucketing(s=0), "s=0: must be at least 1"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
