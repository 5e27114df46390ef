"""FLDetector: its Hessian against BFGS, and whom it drops."""

import numpy as np
import pytest

from strategies.rules import FLDetector, Krum, Median, RuleContext
from strategies.rules.fldetector import hessian_times, inconsistent


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FLDetector(window=0), "window=0: must be at least 1"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
