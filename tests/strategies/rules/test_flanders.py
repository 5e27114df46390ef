"""FLANDERS: its forecasts, and whom it drops."""

import numpy as np
import pytest

from strategies.rules import FLANDERS, Median, RuleContext
from strategies.rules.flanders import _ridge, forecast_as_baseline, forecast_next
from tests.strategies.matrices import ALONG_Y


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
