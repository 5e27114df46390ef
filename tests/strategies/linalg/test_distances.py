"""Squared distances between updates, to the last digit."""

import numpy as np

from strategies.linalg.distances import squared_distances


def test_distances_of_nearly_equal_updates_keep_their_digits():
    # float32 norms of about 2e7 leave no digit of a squared distance of 1e-6 x d.
    rng = np.random.default_rng(0)
    common = rng.normal(size=20_000).astype(np.float32) * 30
    updates = common + rng.normal(size=(8, 20_000)).astype(np.float32) * 1e-3
    wide = updates.astype(np.float64)
    expected = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    found = squared_distances(updates)
    assert np.isinf(np.diag(found)).all()
    off = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-9)


def test_distances_are_exact_for_near_far_and_equal_rows_in_one_matrix():
    rng = np.random.default_rng(1)
    updates = rng.normal(size=(10, 40_000)).astype(np.float32)
    updates[3] = updates[2]
    updates[5] = updates[4] + rng.normal(size=40_000).astype(np.float32) * 1e-5
    updates[8:] *= np.float32(1e15)  # two that lie, far out
    updates[9] = updates[8]
    updates[9, 0] *= 2
    wide = updates.astype(np.float64)
    expected = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    found = squared_distances(updates)
    np.testing.assert_array_equal(found, found.T)
    assert found[2, 3] == 0
    off = ~np.eye(10, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], rtol=1e-9)
