"""SCAFFOLD: the control variates of clients and server."""

import numpy as np

from fedrobust.assembly import Experiment
from fedrobust.backend import tf
from fedrobust.one_run import run
from fedrobust.training import Standard, scaffold
from tests.fedrobust.training.objectives import (
    batches,
    cross_entropy,
    mlp,
    rounds_of,
    train,
)


def test_variates_are_renewed_by_the_formula():
    one = {"w": np.array([1.0, 2.0], np.float32)}
    c, own = {"w": np.array([0.5, 0], np.float32)}, {"w": np.array([1, 1], np.float32)}
    y = {"w": np.array([0.0, 3.0], np.float32)}
    # (x - y) / (K eta) = (1, -1) / (5 * 0.1) = (2, -2); c_i - c = (0.5, 1).
    new = scaffold.renew(c, own, one, y, steps=5, learning_rate=0.1)
    np.testing.assert_allclose(new["w"], [2.5, -1])
    np.testing.assert_allclose(scaffold.correction(c, own)["w"], [-0.5, -1])
    # v = c + 0.4 (c_i+ - c_i) = (0.5, 0) + 0.4 (1.5, -2)
    np.testing.assert_allclose(scaffold.share(c, own, new, 0.4)["w"], [1.1, -0.8])
    assert scaffold.unpack({**one, **scaffold.pack(c)}) == c


def test_a_new_variate_is_the_mean_gradient_along_the_way(digits):
    network = mlp()
    start = network.arrays()
    rng = np.random.default_rng(0)
    c = {n: 0.01 * rng.normal(size=start[n].shape).astype(np.float32) for n in start}
    own = {n: 0.01 * rng.normal(size=start[n].shape).astype(np.float32) for n in start}
    correction = scaffold.correction(c, own)
    result = train(network, Standard(), digits, correction=correction, corrected=True)
    new = scaffold.renew(c, own, start, result.arrays, result.steps, 0.1)

    model, seen = network.model, []
    added = [correction[n] for n in network.trainable]
    for x, y in batches(digits):
        with tf.GradientTape() as tape:
            loss = cross_entropy(model, x, y)
        gradients = tape.gradient(loss, model.trainable_variables)
        seen.append([g.numpy() for g in gradients])
        for w, g, a in zip(model.trainable_variables, gradients, added, strict=True):
            w.assign_sub(0.1 * (g + a))
    for i, name in enumerate(network.trainable):
        mean = np.mean([g[i] for g in seen], axis=0)
        np.testing.assert_allclose(new[name], mean, atol=2e-5)
    network.assign(start)


def test_the_server_averages_the_variates_of_its_clients(configure):
    config = configure(
        "training=scaffold", "strategy=mean", "num_clients=4", "num_rounds=3",
        "dataset.num_train=160", "training.batch_size=20",
    )  # fmt: skip
    arrays = rounds_of(config)
    network = Experiment(config).network
    c = scaffold.unpack(arrays[1])
    assert sorted(c) == sorted(network.trainable)
    for name in network.trainable:
        # From c = c_i = 0: the mean of (x - y_i) / (K eta), with 2 steps at 0.1.
        expected = (arrays[0][name] - arrays[1][name]) / (2 * 0.1)
        np.testing.assert_allclose(c[name], expected, atol=1e-5)
    plain = rounds_of(configure(
        "training=standard", "strategy=mean", "num_clients=4", "num_rounds=3",
        "dataset.num_train=160", "training.batch_size=20",
    ))  # fmt: skip
    for name in network.trainable:
        np.testing.assert_array_equal(arrays[1][name], plain[1][name])
    assert any((arrays[2][n] != plain[2][n]).any() for n in network.trainable)


def test_control_variates_take_the_drift_out(configure, tmp_path):
    accuracy = {}
    for training in ("standard", "scaffold"):
        config = configure(
            f"training={training}", "partition=pathological", "num_clients=10",
            "strategy=mean", "num_rounds=15",
            "training.local_epochs=5", "seed=1", "evaluation.every=15",
        )  # fmt: skip
        accuracy[training] = run(config, tmp_path / training).clean_accuracy
    assert accuracy["scaffold"] > accuracy["standard"] + 0.03, accuracy
