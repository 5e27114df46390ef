"""The patterns of Square, by hand."""

import numpy as np
import pytest

from fedrobust.attacks.patterns import eta, pyramid, stripes, tiles


def test_patterns_by_hand():
    # Rectangles of heights 1 and 1/4: the centre is in both.
    row = np.array([[0.25, 1.25, 0.25]])
    two = np.array([[0.25, 0.25, 0.25], [0.25, 1.25, 0.25]])
    np.testing.assert_allclose(pyramid(1, 3), row / np.linalg.norm(row))
    np.testing.assert_allclose(pyramid(2, 3), two / np.linalg.norm(two))
    halves = [row / np.linalg.norm(row), -two / np.linalg.norm(two)]
    np.testing.assert_allclose(eta(3, 3), np.concatenate(halves) / np.sqrt(2))
    np.testing.assert_allclose(eta(1, 3), eta(3, 1).T)
    np.testing.assert_allclose(eta(1, 1), [[-1]])


def test_the_starts(rng):
    start = stripes(rng, 6, 50, 3)
    assert set(np.unique(start)) == {-1, 1}
    assert (start == start[:1]).all()
    assert len(np.unique(start[0], axis=0)) > 1
    start = tiles(rng, 28, 28, 2)
    assert np.linalg.norm(start) == pytest.approx(1)
    assert start.shape == (28, 28, 2)
    tile_sizes = np.abs(start[1:26, 1:26]).reshape(5, 5, 5, 5, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(tile_sizes, tile_sizes[0, 0, 0], rtol=1e-5)
    # 28 = 5 x 5 + 3: a margin stays as it is.
    assert not start[0].any()
    assert not start[26:].any()
    assert tiles(rng, 1, 23, 1).shape == (1, 23, 1)
