"""Hand-worked cases of the rules that judge clients: by trust, signs, angle, history.

Rules that average or choose by distance alone are in test_rules.py.
"""

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN, MeanShift, estimate_bandwidth
from threadpoolctl import threadpool_limits

from strategies.randomness import Draw, server_generator
from strategies.rules import (
    FLAME,
    FLANDERS,
    LASA,
    RLR,
    DnC,
    FLDetector,
    FLTrust,
    FoolsGold,
    Krum,
    Median,
    RuleContext,
    SignGuard,
)
from strategies.rules.flame import majority_cluster
from strategies.rules.flanders import _ridge, forecast_as_baseline, forecast_next
from strategies.rules.fldetector import hessian_times, inconsistent
from strategies.rules.foolsgold import dissimilarity_weights
from strategies.rules.sign_guard import largest_cluster


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


# --- DnC ------------------------------------------------------------------------------

# Mean (0, 2). The spread is 2 along x, 4 + 4 + 1 + 9 + 64 = 82 along y, and nothing
# across: so y is the top direction, and the scores are what was just added.
ALONG_Y = rows((-1, 0), (1, 0), (0, 1), (0, -1), (0, 10))


def test_dnc_drops_the_outlier_along_the_top_direction_by_hand():
    found = DnC(f=1)(ALONG_Y)
    np.testing.assert_allclose(found.diagnostics["scores"], [4, 4, 1, 9, 64])
    np.testing.assert_array_equal(found.selected, [0, 1, 2, 3])
    np.testing.assert_allclose(found.vector, [0, 0], atol=1e-7)


def test_dnc_drops_c_times_f_updates_rounded_down():
    # The two highest scores, 64 and 9, go.
    found = DnC(f=1, c=2.9)(ALONG_Y)
    np.testing.assert_array_equal(found.selected, [0, 1, 2])
    np.testing.assert_allclose(found.vector, [0, 1 / 3], atol=1e-7)


def test_dnc_draws_its_columns_by_seed_and_round():
    # Column j is owned by row j: the row that is dropped tells which column was drawn.
    updates, rule = 9 * np.eye(4, dtype=np.float32), DnC(f=1, subsample=1)
    dropped = {}
    for seed in (0, 1):
        for round in range(1, 9):
            context = RuleContext(seed=seed, round=round)
            (gone,) = set(range(4)) - set(rule(updates, None, context).selected)
            rng = server_generator(seed, Draw.DNC, round)
            assert gone == rng.choice(4, 1, replace=False)
            dropped[seed, round] = gone
    by_seed = [[dropped[seed, r] for r in range(1, 9)] for seed in (0, 1)]
    assert by_seed[0] != by_seed[1]
    assert len(set(by_seed[0])) > 1


def test_dnc_keeps_the_rows_that_every_iteration_keeps():
    # Two columns, each owned by one of two rows: enough draws see both.
    updates = rows((9, 0), (0, 9), (1, 1), (1, 1), (1, 1))
    found = DnC(f=1, subsample=1, iterations=30)(updates)
    np.testing.assert_array_equal(found.selected, [2, 3, 4])
    np.testing.assert_array_equal(found.vector, [1, 1])


def test_dnc_is_undefined_if_no_row_is_kept():
    with pytest.raises(ValueError, match="no update was kept every time"):
        DnC(f=1, subsample=1, iterations=100)(9 * np.eye(3, dtype=np.float32))


# --- FLTrust --------------------------------------------------------------------------


def trusting(root, *updates):
    return FLTrust()(rows(*updates), None, RuleContext(root_update=rows(root)[0]))


def test_fltrust_by_hand():
    # Cosines to (0, 2): 1, 4 / 5, -1 and 0. At length 2 the first two are (0, 2) and
    # (1.2, 1.6): ((0, 2) + 0.8 (1.2, 1.6)) / 1.8.
    found = trusting((0, 2), (0, 4), (3, 4), (0, -1), (7, 0))
    np.testing.assert_allclose(found.vector, [0.96 / 1.8, 3.28 / 1.8], rtol=1e-6)
    np.testing.assert_allclose(found.diagnostics["trust"], [1, 0.8, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.weights, [1 / 1.8, 0.8 / 1.8, 0, 0], atol=1e-12)


@pytest.mark.parametrize("updates", [[(0, -1), (1, 0)], [(0, 0)]])
def test_fltrust_without_a_trusted_update_returns_zero(updates):
    found = trusting((0, 2), *updates)
    np.testing.assert_array_equal(found.vector, [0, 0])
    assert found.weights is None


def test_fltrust_with_a_zero_root_update_returns_zero():
    np.testing.assert_array_equal(trusting((0, 0), (1, 2)).vector, [0, 0])


def test_fltrust_refuses_a_root_update_of_another_width():
    with pytest.raises(ValueError, match="root_update must be"):
        trusting((0, 2, 1), (0, 4))


# --- SignGuard ------------------------------------------------------------------------


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


# --- FoolsGold ------------------------------------------------------------------------


def test_foolsgold_gives_two_identical_sybils_no_weight():
    # The sybils' greatest cosine is 1, that of the honest is 0 (negatives count as 0):
    # weights 0, 0, 1, 1, so ((0, 3) + (-1, -1)) / 2.
    found = FoolsGold()(rows((1, 0), (1, 0), (0, 3), (-1, -1)))
    np.testing.assert_array_equal(found.diagnostics["weights"], [0, 0, 1, 1])
    np.testing.assert_array_equal(found.vector, [-0.5, 1])


def test_foolsgold_pardons_and_takes_the_logit_by_hand():
    # Greatest cosines v = 0.5, 0.7, 0.7. The first is pardoned: 0.5 * 0.5 / 0.7 =
    # 0.357143. One minus: 0.642857, 0.3, 0.3; over the largest: 1, 7/15, 7/15. The
    # logit of 1 is infinite, clipped to 1; ln(7/8) + 0.5 = 0.366469.
    cosine = np.array([[1, 0.5, 0], [0.5, 1, 0.7], [0, 0.7, 1]])
    expected = [1, np.log(7 / 8) + 0.5, np.log(7 / 8) + 0.5]
    np.testing.assert_allclose(dissimilarity_weights(cosine), expected)


def test_foolsgold_trusts_no_client_if_all_are_alike(rng):
    # Rounding puts some of these cosines at 1 - 2e-16, which must not decide.
    for _ in range(20):
        updates = np.outer([1, 2, 3, 0.7], rng.normal(size=30)).astype(np.float32)
        found = FoolsGold()(updates)
        np.testing.assert_array_equal(found.vector, np.zeros(30))


def test_foolsgold_remembers_clients_not_rows():
    rule = FoolsGold()
    first = rule(
        rows((1, 0), (0, 1), (-1, -1)), None, RuleContext(clients=[10, 20, 30])
    )
    # Client 20 adds (1, 0) and client 10 adds (0, 1): both have come to (1, 1), so they
    # are alike and get nothing. By rows they would be (2, 0) and (0, 2).
    updates, context = rows((1, 0), (0, 1)), RuleContext(clients=[20, 10])
    second = rule(updates, first.state, context)
    np.testing.assert_array_equal(second.vector, [0, 0])
    np.testing.assert_array_equal(rule(updates, None, context).vector, [0.5, 0.5])
    # Client 30 was not asked, and is not forgotten.
    np.testing.assert_array_equal(second.state[30], [-1, -1])
    np.testing.assert_array_equal(first.state[10], [1, 0])


# --- RLR ------------------------------------------------------------------------------


def test_rlr_by_hand():
    # Agreement 3, |+ + -| = 1, |+ 0 +| = 2, |- - +| = 1; the threshold is f + 1 = 2.
    updates = rows((1, 2, 3, -1), (2, 4, 0, -2), (3, -3, 6, 9))
    np.testing.assert_array_equal(RLR(f=1)(updates).vector, [2, -1, 3, -2])


def test_rlr_with_a_higher_threshold_negates_more_coordinates():
    # Agreement 4 and |+ + + -| = 2, of a threshold of 3.
    updates = rows((1, 1), (1, 1), (1, 3), (1, -1))
    np.testing.assert_array_equal(RLR(f=1, threshold=3)(updates).vector, [1, -1])
    np.testing.assert_array_equal(RLR(f=1, threshold=2)(updates).vector, [1, 1])


# --- LASA -----------------------------------------------------------------------------

# Lengths 2, 2, 2, 10 and 2 with median 2: row 3 counts for a fifth.
# First half: the norms over sqrt 2 are 1 1 1 0.2 1: mean 0.84, deviation 0.32, so row 3
# lies 0.8 / 0.32 = 2.5 deviations off. Purities 1 1 1 1 0: deviation 0.4, row 4 is
# 1 / 0.4 = 2.5 off.
# Second half: norms 1 1 1 1.4 1: deviation 0.16, row 3 is 0.4 / 0.16 = 2.5 off.
# All signs are alike.
LAYERED = rows((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 7, 7), (-1, -1, 1, 1))
HALVES = RuleContext(layers=[2, 2])


def test_lasa_judges_layers_by_hand():
    found = LASA(sparsity=0.0)(LAYERED, None, HALVES)
    np.testing.assert_array_equal(found.diagnostics["layers_kept"], [2, 2, 2, 0, 1])
    np.testing.assert_allclose(found.weights, np.array([2, 2, 2, 0, 1]) / 7)
    np.testing.assert_allclose(found.vector, [1, 1, 1, 1])


def test_lasa_with_a_wider_bound_keeps_the_long_update_clipped():
    # First half: rows 0 to 3, (3 + 0.2) / 4. Second: all, (4 + 7 / 5) / 5.
    found = LASA(sparsity=0.0, norm_bound=3.0)(LAYERED, None, HALVES)
    np.testing.assert_allclose(found.vector, [0.8, 0.8, 1.08, 1.08], rtol=1e-6)


def test_lasa_without_layers_judges_the_update_as_one():
    # Clipped, all are 2 long. Purities 1 1 1 1 0.5: row 4 is 0.5 / 0.2 = 2.5 off.
    # Rows 0 to 3: (3 + 1 / 5) / 4 and (3 + 7 / 5) / 4.
    found = LASA(sparsity=0.0)(LAYERED)
    np.testing.assert_allclose(found.vector, [0.8, 0.8, 1.1, 1.1], rtol=1e-6)


def test_lasa_ignores_small_values_when_it_judges_but_not_when_it_averages():
    updates = rows(*[(3, 3, 1, 1)] * 4, (3, 3, -1, -1))
    # Purities 1 1 1 1 0.5 as above; without the smaller half of the values all are 1.
    np.testing.assert_allclose(LASA(sparsity=0.0)(updates).vector, [3, 3, 1, 1])
    np.testing.assert_allclose(LASA(sparsity=0.5)(updates).vector, [3, 3, 0.6, 0.6])


def test_lasa_refuses_layers_that_do_not_fit():
    with pytest.raises(ValueError, match=r"layers=\[2, 3\]: must sum to d=4"):
        LASA()(LAYERED, None, RuleContext(layers=[2, 3]))


# --- FLAME ----------------------------------------------------------------------------


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


# --- FLDetector -----------------------------------------------------------------------


def bfgs(steps: list[np.ndarray], changes: list[np.ndarray]) -> np.ndarray:
    """The textbook BFGS update of the Hessian, one pair after the other."""
    s, y = steps[-1], changes[-1]
    hessian = (s @ y) / (s @ s) * np.eye(len(s))
    for s, y in zip(steps, changes, strict=True):
        bent = hessian @ s
        hessian -= np.outer(bent, bent) / (s @ bent)
        hessian += np.outer(y, y) / (y @ s)
    return hessian


@pytest.fixture
def quadratic(rng):
    root = rng.normal(size=(5, 5))
    return root @ root.T + np.eye(5)


@pytest.mark.parametrize("pairs", [1, 3, 5])
def test_hessian_times_agrees_with_the_recursion_of_bfgs(quadratic, pairs, rng):
    steps = list(rng.normal(size=(pairs, 5)))
    changes = [quadratic @ step for step in steps]
    vector = rng.normal(size=5)
    expected = bfgs(steps, changes) @ vector
    np.testing.assert_allclose(hessian_times(steps, changes, vector), expected)
    # Secant equation: the last step is always answered by its change.
    np.testing.assert_allclose(hessian_times(steps, changes, steps[-1]), changes[-1])


def test_hessian_times_is_exact_on_a_quadratic_after_conjugate_steps(quadratic, rng):
    # Steps that do not meet in the quadratic's inner product leave each other's secant
    # equation alone, so five of them determine it; eigenvectors are such steps.
    steps = list(np.linalg.eigh(quadratic)[1].T * rng.uniform(0.5, 2, size=(5, 1)))
    changes = [quadratic @ step for step in steps]
    vector = rng.normal(size=5)
    found = hessian_times(steps, changes, vector)
    np.testing.assert_allclose(found, quadratic @ vector)


def test_a_model_that_has_not_moved_has_a_zero_hessian():
    still = [np.zeros(3)]
    np.testing.assert_array_equal(hessian_times(still, still, np.ones(3)), np.zeros(3))


def test_inconsistent_rows_are_the_higher_of_two_clusters_and_none_in_a_single_one():
    rng = np.random.default_rng(0)
    two = np.array([0.11, 0.3, 0.1, 0.12, 0.31, 0.1, 0.11, 0.12])
    np.testing.assert_array_equal(inconsistent(two, rng), [1, 4])
    for single in (np.full(8, 0.1), np.linspace(0.1, 0.2, 8), np.array([0.1, 0.9])):
        assert len(inconsistent(single, rng)) == 0


def test_fldetector_never_drops_a_majority(rng):
    # Client 0 never moves, so its updates are forecast perfectly; the others are noisy.
    n, d = 10, 5
    rule, state, now = FLDetector(window=3, rule=Median()), None, np.zeros(d)
    for round in range(1, 12):
        updates = 0.3 * (1 - now) + 0.5 * rng.normal(size=(n, d))
        updates[0] = 0
        context = RuleContext(round=round, parameters=now.astype(np.float32))
        found = rule(updates.astype(np.float32), state, context)
        assert found.diagnostics["dropped"] < n / 2
        state, now = found.state, now + found.vector


def test_fldetector_keeps_enough_rows_for_the_inner_rule(rng):
    n, d = 7, 6
    rule, state, now = FLDetector(window=2, rule=Krum(f=2)), None, np.zeros(d)
    for round in range(1, 9):
        updates = 0.3 * (1 - now) + 0.01 * rng.normal(size=(n, d))
        updates[3] = rng.normal(size=d)
        context = RuleContext(round=round, parameters=now.astype(np.float32))
        found = rule(updates.astype(np.float32), state, context)
        assert found.diagnostics["dropped"] == 0  # Krum(f=2) needs all seven
        state, now = found.state, now + found.vector


def test_fldetector_drops_an_inconsistent_client_once_the_window_is_full(rng):
    # Honest client i answers the gradient H (w - c_i); client 3 draws anew each round.
    n, d, window = 8, 6, 3
    hessian, centres = np.diag(np.linspace(0.2, 0.4, d)), rng.normal(size=(n, d))
    rule, state, now = FLDetector(window=window, rule=Median()), None, np.zeros(d)
    dropped = []
    for round in range(1, 10):
        updates = (centres - now) @ hessian
        updates[3] = rng.normal(size=d)
        context = RuleContext(round=round, parameters=now.astype(np.float32))
        found = rule(updates.astype(np.float32), state, context)
        assert found.diagnostics["dropped"] == n - len(found.selected)
        dropped.append(sorted(set(range(n)) - set(found.selected.tolist())))
        state, now = found.state, now + found.vector
    # Round 1 has no predecessor, round 2 no step of the model: scores begin in round 3,
    # and the window of 3 is full in round 5.
    assert dropped[:4] == [[], [], [], []]
    assert dropped[4:] == [[3]] * 5


def test_fldetector_forecasts_honest_gradients_of_a_parabola_exactly():
    # In one dimension one step gives the whole Hessian, here 1/4: honest client i sends
    # -(w - c_i) / 4, as forecast. Client 4 doubles what it sends and has all the blame.
    rule, state = FLDetector(window=9, rule=Median()), None
    now = np.zeros(1, np.float32)
    for round in range(1, 6):
        centres = np.array([[1.0], [2.0], [3.0], [4.0], [0.0]])
        updates = (centres - now) / 4
        updates[4] = 100 * 2**round
        context = RuleContext(round=round, parameters=now)
        found = rule(updates.astype(np.float32), state, context)
        state, now = found.state, now + found.vector
    scores = np.array([state.scores[client] for client in range(5)])
    assert scores.shape == (5, 3), "rounds 3, 4 and 5"
    np.testing.assert_allclose(scores[:4], 0, atol=1e-6)
    np.testing.assert_allclose(scores[4], 1, atol=1e-6)


def test_fldetector_judges_known_clients_in_a_round_with_a_new_one(rng):
    rule, state, now = FLDetector(window=1), None, np.zeros(2, np.float32)
    for round in range(1, 7):
        updates = np.ones((5, 2), np.float32)
        updates[4] = 100 * rng.normal(size=2)
        clients = [0, 1, 2, 3, 4] if round < 6 else [9, 1, 2, 3, 4]
        context = RuleContext(round=round, parameters=now, clients=clients)
        found = rule(updates, state, context)
        # In round 6 client 9 has no score yet: it is kept, client 4 still dropped.
        assert found.selected is None or 4 not in found.selected or round < 3
        assert found.diagnostics["dropped"] == (1 if round >= 3 else 0)
        state, now = found.state, now + found.vector


# --- FLANDERS -------------------------------------------------------------------------


def test_forecast_next_recovers_a_series_without_noise():
    # X_t = A X_(t-1) B'. Rows of A and B that sum to 1 leave the scaling to [0, 1] out
    # of it: c + s X is then mapped to c + s A X B'.
    a, b = np.eye(3)[[1, 2, 0]], np.eye(4)[[1, 2, 3, 0]]
    series = [np.random.default_rng(0).normal(size=(3, 4))]
    for _ in range(8):
        series.append(a @ series[-1] @ b.T)
    rng = np.random.default_rng(1)
    found = forecast_next(np.stack(series[:-1]), 200, 1e-9, rng)
    np.testing.assert_allclose(found, series[-1], atol=1e-4)


@pytest.mark.parametrize("equations", [3, 5, 30])
def test_the_ridge_of_flanders_is_least_squares_with_the_penalty_as_rows(
    equations, rng
):
    # min |new - X old|^2 + r |X|^2 is least squares with sqrt(r) I below old'.
    new, old = rng.normal(size=(2, equations)), rng.normal(size=(5, equations))
    stacked = np.vstack([old.T, 0.3**0.5 * np.eye(5)])
    wanted = np.vstack([new.T, np.zeros((5, 2))])
    expected = np.linalg.lstsq(stacked, wanted, rcond=None)[0].T
    np.testing.assert_allclose(_ridge(new, old, 0.3), expected)


def test_a_series_that_stands_still_is_forecast_to_stand_still():
    still = np.full((3, 2, 2), 0.7)
    found = forecast_next(still, 5, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(found, still[0])


def test_flanders_drops_an_erratic_client_from_the_third_round_on(rng):
    n, d = 6, 20
    rule, state, now = FLANDERS(f=1, rule=Median()), None, np.zeros(d, np.float32)
    for round in range(1, 7):
        updates = np.full((n, d), 0.1) + 0.005 * rng.normal(size=(n, d))
        updates[2] = rng.normal(size=d)
        context = RuleContext(
            round=round, parameters=now, clients=[10, 11, 12, 13, 14, 15]
        )
        found = rule(updates.astype(np.float32), state, context)
        everybody, judged = list(range(n)), [0, 1, 3, 4, 5]
        assert found.selected.tolist() == (everybody if round <= 2 else judged)
        history, sent, _ = state = found.state
        # What a dropped client sent does not enter the history: the global model that
        # the round led to does, and that is known in the next round.
        assert set(sent) == {10 + row for row in found.selected}
        if round > 1:
            np.testing.assert_array_equal(history[-1][1], now)
        now = now + found.vector
        if round > 2:
            assert int(np.argmax(found.diagnostics["scores"])) == 2


def test_flanders_forecasts_only_the_rounds_of_its_window(rng):
    rule, state = FLANDERS(f=1, window=2, iterations=2), None
    for round in range(1, 5):
        updates = rng.normal(size=(3, 4)).astype(np.float32)
        context = RuleContext(round=round, parameters=np.zeros(4, np.float32))
        state = rule(updates, state, context).state
        assert len(state[0]) == min(round - 1, 2)


def mar_as_coded(series, iterations, ridge, b):
    """The published matrix autoregression, equation by equation."""
    scaled = (series - series.min()) / series.max()
    m, k = series.shape[1:]
    for _ in range(iterations):
        left, right = np.zeros((m, m)), ridge * np.eye(m)
        for t in range(len(series)):
            left += scaled[t] @ b @ scaled[t - 1].T
            right += scaled[t - 1] @ b.T @ b @ scaled[t - 1].T
        a = left @ np.linalg.inv(right)
        left, right = np.zeros((k, k)), ridge * np.eye(k)
        for t in range(len(series)):
            left += scaled[t].T @ a @ scaled[t - 1]
            right += scaled[t - 1].T @ a.T @ a @ scaled[t - 1]
        b = left @ np.linalg.inv(right)
    return a @ series[-1] @ b.T


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_forecast_of_the_baseline_is_what_its_code_computes(rounds, rng):
    series = rng.normal(size=(rounds, 4, 6))
    b = np.random.default_rng(5).normal(size=(6, 6))
    found = forecast_as_baseline(series, 3, 1.0, np.random.default_rng(5))
    np.testing.assert_allclose(found, mar_as_coded(series, 3, 1.0, b), rtol=1e-8)
    still = np.zeros((rounds, 4, 6))
    np.testing.assert_array_equal(forecast_as_baseline(still, 3, 1.0, rng), still[-1])


def test_the_baseline_drops_from_the_second_round_and_keeps_what_was_sent_in_it(rng):
    n, d = 6, 20
    rule = FLANDERS(f=1, variant="baseline", window=1, rule=Median())
    state, now = None, np.ones(d, np.float32)
    for round in range(1, 5):
        updates = np.full((n, d), 0.1) + 0.005 * rng.normal(size=(n, d))
        # Its model jumps from one side to the other: the last one foretells nothing.
        updates[2] += 0 if round == 1 else 9 * (-1) ** round
        context = RuleContext(round=round, parameters=now)
        found = rule(updates.astype(np.float32), state, context)
        dropped = set(range(n)) - set(found.selected.tolist())
        assert dropped == (set() if round == 1 else {2})
        _, sent, _ = state = found.state
        assert set(sent) == set(range(n)) - (dropped if round > 2 else set())
        now = now + found.vector


def test_flanders_with_f_zero_drops_no_client(rng):
    rule, state = FLANDERS(f=0, iterations=2), None
    for round in range(1, 5):
        updates = rng.normal(size=(3, 4)).astype(np.float32)
        context = RuleContext(round=round, parameters=np.zeros(4, np.float32))
        found = rule(updates, state, context)
        state = found.state
        expected = updates.mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(found.vector, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DnC(iterations=0), "iterations=0: must be at least 1"),
        (lambda: DnC(subsample=0), "subsample=0: must be at least 1"),
        (lambda: DnC(c=0.0), "c=0.0: must be above 0"),
        (lambda: DnC(f=1, c=5.0)(ALONG_Y), "at least 6 updates, not 5"),
        (lambda: SignGuard(lower=-0.1), "lower=-0.1: must be at least 0"),
        (lambda: SignGuard(lower=2.0, upper=2.0), "upper=2.0: must be above lower"),
        (lambda: SignGuard(share=0.0), "share=0.0: must be above 0, at most 1"),
        (lambda: RLR(f=2, threshold=2), "threshold=2: must be above f=2"),
        (lambda: RLR(f=1, threshold=5)(ALONG_Y), "at least 6 updates, not 5"),
        (lambda: LASA(sparsity=1.0), r"sparsity=1.0: must be in \[0, 0.999\]"),
        (lambda: LASA(norm_bound=0.0), "norm_bound=0.0: must be above 0"),
        (lambda: FLAME(noise=-0.1), "noise=-0.1: must be at least 0"),
        (lambda: FLDetector(window=0), "window=0: must be at least 1"),
        (lambda: FLANDERS(window=1), "window=1: must be at least 2"),
        (lambda: FLANDERS(variant="code"), "variant='code': must be 'paper' or"),
        (lambda: FLANDERS(sample=0), "sample=0: must be at least 1"),
        (lambda: FLANDERS(ridge=0.0), "ridge=0.0: must be at least"),
        (lambda: FLANDERS(f=5)(ALONG_Y), "at least 6 updates, not 5"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
