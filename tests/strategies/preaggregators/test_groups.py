"""Groups: who is in which, and one row for each."""

import numpy as np
import pytest

from strategies.preaggregators import Groups
from strategies.preaggregators.groups import groups_of
from strategies.rules import RuleContext
from tests.strategies.matrices import column


@pytest.mark.parametrize(
    ("n", "g", "sizes"),
    [(6, 3, [3, 3]), (7, 3, [4, 3]), (11, 3, [4, 4, 3]), (2, 3, [2]), (3, 1, [1] * 3)],
)
def test_groups_have_at_least_their_size_and_everybody_has_one(n, g, sizes):
    ids = [10 + i for i in range(n)]
    for round in range(1, 6):
        groups = groups_of(ids, g, seed=0, round=round)
        assert [len(group) for group in groups] == sizes
        assert sorted(c for group in groups for c in group) == ids
        assert groups == groups_of(ids[::-1], g, seed=0, round=round)
    assert Groups(size=g).num_rows(n) == len(sizes)


def test_groups_are_keyed_by_seed_and_round():
    ids = range(20)
    drawn = [groups_of(ids, 4, seed, round) for seed, round in [(0, 1), (0, 2), (1, 1)]]
    assert drawn[0] != drawn[1]
    assert drawn[0] != drawn[2]


def test_ids_may_be_flowers_node_ids_of_64_bits():
    ids = [2**64 - 1 - i for i in range(5)] + [3]
    groups = groups_of(ids, 2, seed=0, round=1)
    assert sorted(client for group in groups for client in group) == sorted(ids)


def test_each_row_is_the_mean_of_a_group_even_if_members_are_missing():
    sampled = [3, 5, 6, 8, 9, 11]
    first, second = groups_of(sampled, 3, seed=7, round=2)
    values = {client: 2.0**i for i, client in enumerate(sampled)}
    context = RuleContext(clients=sampled, sampled=sampled, seed=7, round=2)
    found = Groups(size=3)(column(*values.values()), context).ravel()
    np.testing.assert_allclose(
        found, [np.mean([values[c] for c in group]) for group in (first, second)], 1e-6
    )
    # The same groups without one member, and without a whole group.
    present = [c for c in sampled if c != first[0]]
    context = RuleContext(clients=present, sampled=sampled, seed=7, round=2)
    found = Groups(size=3)(column(*(values[c] for c in present)), context).ravel()
    np.testing.assert_allclose(found[0], np.mean([values[c] for c in first[1:]]), 1e-6)
    alone = RuleContext(clients=second, sampled=sampled, seed=7, round=2)
    assert len(Groups(size=3)(column(*(values[c] for c in second)), alone)) == 1


def test_equal_rows_of_a_group_are_kept_to_the_bit():
    rows = np.random.default_rng(0).normal(size=(1, 500)).astype(np.float32)
    found = Groups(size=7)(np.repeat(rows, 7, axis=0))
    np.testing.assert_array_equal(found, rows)


def test_undefined_cases_are_refused():
    with pytest.raises(ValueError, match="size=0: must be at least 1"):
        Groups(size=0)
    context = RuleContext(clients=[1, 2], sampled=[1])
    with pytest.raises(ValueError, match=r"clients \[2\] have updates"):
        Groups(size=2)(column(1, 2), context)
