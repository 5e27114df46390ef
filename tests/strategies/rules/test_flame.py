"""FLAME, by hand and its clusters against HDBSCAN."""

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN

from strategies.rules import FLAME, RuleContext
from strategies.rules.flame import majority_cluster
from tests.strategies.matrices import rows


def test_flame_clusters_by_angle_and_clips_to_the_median_length_by_hand():
    # Cosine distances 0 between the first two and 1 to the third, so the first two are
    # the majority. Lengths 1, 9, 3 with median 3: (1 + 3) / 2.
    found = FLAME(noise=0.0)(rows((1, 0), (9, 0), (0, -3)))
    np.testing.assert_array_equal(found.selected, [0, 1])
    np.testing.assert_allclose(found.vector, [2, 0], rtol=1e-6)


def test_the_noise_of_flame_is_keyed_and_follows_the_median_length():
    d = 20_000
    updates = np.outer([1, 2, 4], np.full(d, d**-0.5)).astype(np.float32)
    without = FLAME(noise=0.0)(updates).vector
    draws = {}
    for seed, round in ((0, 1), (0, 2), (1, 1), (0, 1)):
        context = RuleContext(seed=seed, round=round)
        noise = FLAME(noise=0.1)(updates, None, context).vector - without
        # 0.1 of the median length 2, known to 0.2 / sqrt(40,000) = 0.001.
        assert noise.std() == pytest.approx(0.2, abs=0.005)
        if (seed, round) in draws:
            np.testing.assert_array_equal(noise, draws[seed, round])
        draws[seed, round] = noise
    correlations = np.corrcoef(list(draws.values()))[~np.eye(3, dtype=bool)]
    assert (np.abs(correlations) < 0.04).all()


@pytest.mark.parametrize("d", [2, 5, 50])
def test_the_majority_cluster_is_that_of_hdbscan(d):
    rng = np.random.default_rng(d)
    for _ in range(40):
        n = int(rng.integers(3, 16))
        points = rng.normal(size=(n, d))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        distances = (1 - points @ points.T).clip(0)
        np.fill_diagonal(distances, 0)
        labels = HDBSCAN(
            min_cluster_size=n // 2 + 1,
            min_samples=1,
            metric="precomputed",
            allow_single_cluster=True,
            copy=True,
        ).fit(distances.copy()).labels_  # fmt: skip
        expected = np.flatnonzero(labels == 0)
        found = majority_cluster(distances)
        assert len(found) > n // 2
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FLAME(noise=-0.1), "noise=-0.1: must be at least 0"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
