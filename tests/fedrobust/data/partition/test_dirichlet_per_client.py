"""Clients that draw by shares of their own."""

import numpy as np

from fedrobust.data import DirichletPerClient
from fedrobust.data.partition.dirichlet_per_client import _until_used_up
from tests.fedrobust.data.partition.splits import labelled


def test_each_client_draws_by_its_own_dirichlet_shares():
    labels = np.repeat(np.arange(3, dtype=np.int32), 100)
    split = labelled(*labels)
    dealt = DirichletPerClient(alpha=0.5)(split, 7)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(300))
    assert [len(rows) for rows in dealt] == [43, 43, 43, 43, 43, 43, 42]
    again = DirichletPerClient(alpha=0.5)(split, 7)
    other = DirichletPerClient(alpha=0.5, seed=1)(split, 7)
    assert all((a == b).all() for a, b in zip(dealt, again, strict=True))
    assert any((a != b).any() for a, b in zip(dealt, other, strict=True))
    # Nearly one class a client while there are images of it; nearly all of them alike.
    (first, *_) = DirichletPerClient(alpha=1e-3)(split, 7)
    assert np.bincount(labels[first]).max() >= 42
    for rows in DirichletPerClient(alpha=1e4)(split, 3):
        assert np.bincount(labels[rows]).min() >= 20


def test_draws_of_a_class_that_is_used_up_are_repeated():
    left = np.array([2, 1, 5])
    assert _until_used_up(np.array([0, 2, 0, 1, 0, 2]), left).tolist() == [2, 1, 1]
    assert _until_used_up(np.array([1, 1, 0]), left).tolist() == [0, 1, 0]
    assert _until_used_up(np.array([2, 2]), left).tolist() == [0, 0, 2]
    assert _until_used_up(np.array([0]), np.array([0, 1, 1])).tolist() == [0, 0, 0]
