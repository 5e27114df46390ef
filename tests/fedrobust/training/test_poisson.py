"""Poisson batches: each example of a step is a coin of its own."""

import numpy as np
import pytest

from fedrobust.training import LocalTraining, poisson
from fedrobust.training.poisson import NOBODY, PoissonSchedule, sampling_rate


def draw(n, local, seed=0, round=1):
    return PoissonSchedule.draw(local, n, np.random.default_rng(seed), round)


def samples(schedule):
    """Return the rows of each step."""
    pairs = zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True)
    for start, end in pairs:
        rows = schedule.order[start:end]
        yield rows[rows != NOBODY]


def test_each_step_takes_each_example_by_a_coin_of_its_own():
    n, steps, q = 40, 4000, 0.25
    schedule = draw(n, LocalTraining(local_steps=steps, batch_size=10))
    taken = np.zeros((steps, n))
    for step, rows in enumerate(samples(schedule)):
        assert len(set(rows)) == len(rows)
        taken[step, rows] = 1
    assert sampling_rate(10, n) == q
    # Of each example, and of each pair: within five standard errors.
    error = np.sqrt(q * (1 - q) / steps)
    assert np.abs(taken.mean(0) - q).max() < 5 * error
    both = taken.T @ taken / steps
    off = ~np.eye(n, dtype=bool)
    assert np.abs(both[off] - q**2).max() < 5 * np.sqrt(q**2 * (1 - q**2) / steps)
    # The sizes are binomial: a batch of a fixed size would have variance 0.
    variance = taken.sum(1).var()
    assert variance == pytest.approx(n * q * (1 - q), rel=5 * np.sqrt(2 / steps))


def test_a_batch_of_all_examples_has_each_of_them_once():
    for batch_size in (7, 100):
        schedule = draw(7, LocalTraining(local_epochs=3, batch_size=batch_size))
        assert [sorted(rows) for rows in samples(schedule)] == [list(range(7))] * 3


def test_steps_are_those_of_local_training():
    decayed = {"local_epochs": 4, "epochs_decay": 0.5, "batch_size": 16}
    for settings, round, steps in [
        ({"local_steps": 5}, 1, 5),
        ({"local_epochs": 2, "batch_size": 16}, 1, 10),
        (decayed, 1, 20),
        (decayed, 2, 10),
    ]:
        schedule = draw(70, LocalTraining(**settings), round=round)
        assert len(schedule.bounds) - 1 == steps


def test_an_empty_draw_has_no_batch_and_a_large_one_has_several(monkeypatch):
    monkeypatch.setattr(poisson, "LARGEST", 4)
    local = LocalTraining(local_steps=2000, batch_size=3)
    schedule = draw(30, local)
    counts = np.array([len(rows) for rows in samples(schedule)])
    batches = np.diff(schedule.bounds)
    size = schedule.order.shape[1]
    assert size <= 4
    np.testing.assert_array_equal(batches, -(-counts // size))
    # (1 - q)^n of the steps are empty.
    assert (counts == 0).mean() == pytest.approx(0.9**30, abs=0.02)
    assert batches.max() >= 2
    assert batches.min() == 0


def test_a_key_gives_the_same_batches_again():
    local = LocalTraining(local_epochs=2, batch_size=8)
    first, again, other = (draw(50, local, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.order, again.order)
    assert first.order.shape != other.order.shape or (first.order != other.order).any()


def test_only_the_examples_of_some_step_are_gathered():
    schedule = draw(1000, LocalTraining(local_steps=5, batch_size=10))
    x, y = np.arange(1000.0), np.arange(1000)
    x_seen, y_seen, order = schedule.seen(x, y)
    assert len(x_seen) == len(y_seen) == len(np.unique(schedule.order)) - 1
    taken = schedule.order != NOBODY
    np.testing.assert_array_equal(taken, order != NOBODY)
    np.testing.assert_array_equal(x_seen[order[taken]], schedule.order[taken])
    np.testing.assert_array_equal(y_seen[order[taken]], schedule.order[taken])
