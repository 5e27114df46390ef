"""SignGuard, by hand and its clusters against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import MeanShift, estimate_bandwidth
from threadpoolctl import threadpool_limits

from strategies.randomness import Draw, server_generator
from strategies.rules import RuleContext, SignGuard
from strategies.rules.sign_guard import largest_cluster
from tests.strategies.matrices import rows


def test_sign_guard_drops_unusual_lengths_and_clips_by_hand():
    # Lengths 2, 4, 6, 0.2 and 40 with median 4: usual are [0.4, 12]. The 6 is clipped
    # to 4: (1 + 2 + 2) / 3.
    updates = np.outer([1, 2, 3, 0.1, 20], np.ones(4)).astype(np.float32)
    found = SignGuard(share=1.0)(updates)
    np.testing.assert_array_equal(found.selected, [0, 1, 2])
    np.testing.assert_allclose(found.vector, np.full(4, 5 / 3), rtol=1e-6)


def test_sign_guard_drops_updates_of_usual_length_with_other_signs():
    updates = np.outer([1, 1, -1, 1, 1], np.ones(4)).astype(np.float32)
    found = SignGuard(share=1.0)(updates)
    np.testing.assert_array_equal(found.selected, [0, 1, 3, 4])
    np.testing.assert_array_equal(found.vector, np.ones(4))


def test_sign_guard_keeps_all_usual_lengths_if_the_largest_cluster_has_none():
    # Shares (+, 0, -): (1, 0, 0) twice, (1/3, 2/3, 0), (0, 2/3, 1/3), (0, 0, 1).
    # Distances to the nearest: 0, 0, sqrt 2 / 3 twice and sqrt 8 / 3: the bandwidth is
    # 0.38, so the twins are the largest cluster; but they are 100 times too long.
    updates = rows((100, 100, 100), (100, 100, 100), (0, 0, 1), (-1, 0, 0), (-1,) * 3)
    found = SignGuard(share=1.0)(updates)
    np.testing.assert_array_equal(found.selected, [2, 3, 4])
    # The median length is sqrt 3, so nothing is clipped: (0 - 1 - 1) / 3,
    # (0 + 0 - 1) / 3 and (1 + 0 - 1) / 3.
    np.testing.assert_allclose(found.vector, [-2 / 3, -1 / 3, 0], atol=1e-6)


def test_sign_guard_draws_its_columns_by_seed_and_round():
    # In each column another of five rows is negative; one column of five is looked at.
    updates = np.ones((5, 5), np.float32) - 2 * np.eye(5, dtype=np.float32)
    seen = set()
    for round in range(1, 13):
        context = RuleContext(seed=4, round=round)
        found = SignGuard(share=0.2)(updates, None, context).selected
        rng = server_generator(4, Draw.SIGN_GUARD, round)
        (column,) = rng.choice(5, 1, replace=False)
        assert found.tolist() == [i for i in range(5) if i != column]
        seen.add(int(column))
    assert len(seen) > 1


def scikit_clusters(points: np.ndarray) -> np.ndarray:
    # On a busy machine OpenMP's threads make milliseconds a second.
    with threadpool_limits(1):
        bandwidth = estimate_bandwidth(points, quantile=0.5)
        return MeanShift(bandwidth=bandwidth).fit(points).labels_


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_the_largest_cluster_is_that_of_scikit_learn(spread):
    rng, compared = np.random.default_rng(0), 0
    for _ in range(40):
        n = int(rng.integers(4, 13))
        centres = spread * rng.normal(size=(3, 3))
        points = centres[rng.integers(0, 3, n)] + 0.2 * rng.normal(size=(n, 3))
        labels, mirrored = scikit_clusters(points), scikit_clusters(-points)
        sizes = np.bincount(labels)
        expected = np.flatnonzero(labels == sizes.argmax())
        # Of equally dense modes scikit-learn prefers the larger coordinates, and of two
        # largest clusters any: where its own answer is a convention, ours may differ.
        same = mirrored[expected] == mirrored[expected[0]]
        if np.sum(sizes == sizes.max()) > 1 or not (
            same.all() and np.sum(mirrored == mirrored[expected[0]]) == len(expected)
        ):
            continue
        compared += 1
        np.testing.assert_array_equal(largest_cluster(points), expected)
    assert compared > 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SignGuard(lower=-0.1), "lower=-0.1: must be at least 0"),
        (lambda: SignGuard(lower=2.0, upper=2.0), "upper=2.0: must be above lower"),
        (lambda: SignGuard(share=0.0), "share=0.0: must be above 0, at most 1"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
