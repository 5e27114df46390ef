"""The order of examples in local training, and how many passes there are."""

import numpy as np

from fedrobust.one_run import run
from fedrobust.randomness import generator
from fedrobust.training import LocalTraining, Schedule


def test_a_pass_has_every_example_once_and_a_short_last_batch():
    local = LocalTraining(local_epochs=2, batch_size=4)
    schedule = Schedule.draw(local, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(schedule.bounds, [0, 4, 8, 10, 14, 18, 20])
    assert sorted(schedule.order[:10]) == sorted(schedule.order[10:]) == list(range(10))
    assert list(schedule.order[:10]) != list(schedule.order[10:])


def test_local_steps_cut_passes_short_and_repeat_them():
    local = LocalTraining(local_steps=5, batch_size=4)
    schedule = Schedule.draw(local, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(schedule.bounds, [0, 4, 8, 10, 14, 18])
    one = Schedule.draw(
        LocalTraining(local_steps=1, batch_size=32), 10, generator(0, 2)
    )
    np.testing.assert_array_equal(one.bounds, [0, 10])


def test_passes_without_shuffling_are_in_the_order_of_the_data():
    local = LocalTraining(local_epochs=2, batch_size=4, shuffle=False)
    schedule = Schedule.draw(local, 5, np.random.default_rng(0))
    assert schedule.order.tolist() == [0, 1, 2, 3, 4] * 2
    assert schedule.bounds.tolist() == [0, 4, 5, 9, 10]


def test_passes_become_fewer(configure):
    local = LocalTraining(local_epochs=4, epochs_decay=0.5, epochs_decay_every=5)
    assert [local.epochs(r) for r in (1, 5, 6, 10, 11, 15, 16, 99)] == [
        4, 4, 2, 2, 1, 1, 1, 1,
    ]  # fmt: skip
    assert [LocalTraining(local_epochs=3).epochs(r) for r in (1, 50)] == [3, 3]
    # 5, 2.5, 1.25: half is rounded up.
    odd = LocalTraining(local_epochs=5, epochs_decay=0.5)
    assert [odd.epochs(r) for r in (1, 2, 3, 4)] == [5, 3, 1, 1]


def test_a_run_follows_the_schedule(configure, tmp_path):
    config = configure(
        "training=feddynat", "num_clients=2", "num_rounds=3", "dataset.num_train=64",
        "training.epochs_decay_every=1", "training.objective.steps=1",
    )  # fmt: skip
    rows = []
    run(config, tmp_path, rows.append)
    # 32 images a client, one batch a pass; 4, 2, 1 passes.
    assert [row.train_metrics["local_steps"] for row in rows] == [4, 2, 1]
