"""Attacks on linear models, where the worst case is known."""

import numpy as np
import pytest

from fedrobust.attacks import APGD, BIM, CWL2, FAB, FGSM, MIM, PGD, DeepFool, Square
from fedrobust.backend import keras
from fedrobust.network import network_of
from tests.fedrobust.attacks.linear import W, inside


@pytest.mark.parametrize(
    "attack",
    [
        FGSM(epsilon=0.1),
        BIM(epsilon=0.1),
        PGD(epsilon=0.1, steps=10),
        PGD(epsilon=0.1, steps=10, loss="margin"),
        MIM(epsilon=0.1),
    ],
    ids=repr,
)
def test_climbing_ends_in_the_corner(linear, attack, rng):
    x, y = inside(rng)
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * np.sign(W)
    np.testing.assert_allclose(attack(linear, x, y), x + 0.1 * direction, atol=1e-6)


def test_l2_steps_end_along_w(linear, rng):
    x, y = inside(rng)
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * W / np.linalg.norm(W)
    straight = PGD(norm="l2", random_start=False)
    for attack in (FGSM(norm="l2"), straight):
        x_adv = attack.at(0.1)(linear, x, y)
        np.testing.assert_allclose(x_adv, x + 0.1 * direction, atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "dual"),
    [
        (FAB(epsilon=5, norm="l2"), 2),
        (FAB(epsilon=5, norm="linf"), 1),
        (FAB(epsilon=5, norm="linf", targeted=True), 1),
        (DeepFool(epsilon=5, norm="l2", overshoot=0), 2),
        (DeepFool(epsilon=5, norm="linf", overshoot=0), 1),
        (CWL2(epsilon=5), 2),
    ],
    ids=repr,
)
def test_the_nearest_is_as_near_as_the_margin_says(linear, attack, dual, rng):
    x, y = inside(rng)
    x_adv = attack(linear, x, y)
    norm = np.inf if attack.norm == "linf" else 2
    distance = np.linalg.norm(x_adv - x, norm, axis=1)
    exact = np.abs(x @ W) / np.linalg.norm(W, dual)
    np.testing.assert_allclose(distance, exact, rtol=0.02, atol=1e-4)


def test_attacks_on_several_classes_reach_the_exact_accuracy(rng):
    weights = rng.normal(size=(6, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    model.layers[0].set_weights([weights, np.zeros(5, np.float32)])
    x = rng.uniform(0.3, 0.7, size=(300, 6)).astype(np.float32)
    y = np.argmax(x @ weights, axis=1)
    epsilon = 0.03
    # The class c wins if some x' brings z_c - z_y above 0: by epsilon |w_c - w_y|_1.
    gaps = x @ weights
    gaps = gaps - gaps[np.arange(300), y][:, None]
    norms = np.abs(weights[:, None, :] - weights[:, :, None]).sum(axis=0)[y]
    beaten = (gaps + epsilon * norms > 0) & (np.arange(5) != y[:, None])
    exact = 1 - beaten.any(axis=1).mean()
    assert 0.2 < exact < 0.9
    for attack in (
        APGD(loss="dlr", targeted=True),
        FAB(targeted=True),
        FAB(),
        PGD(loss="margin", restarts=3),
    ):
        x_adv = attack.at(epsilon)(model, x, y)
        accuracy = np.mean(np.argmax(model(x_adv), axis=1) == y)
        assert accuracy == pytest.approx(exact, abs=0.01), attack


def test_more_passes_never_raise_robust_accuracy(trained):
    x, y = trained.data.x_test[:128], trained.data.y_test[:128]

    def accuracy(attack):
        x_adv = attack.at(0.1)(trained.model, x, y)
        return np.mean(np.argmax(trained.model(x_adv), axis=1) == y)

    once, often = accuracy(PGD(steps=3)), accuracy(PGD(steps=3, restarts=4))
    assert often <= once
    graphs = network_of(trained.model)
    attack = PGD(steps=3, restarts=4)
    graph = graphs.compiled(attack._graph_key(), attack._compile)
    assert graph.experimental_get_tracing_count() == 1
    assert accuracy(APGD(steps=40)) <= accuracy(PGD(steps=40)) + 0.01
    assert accuracy(FAB(steps=40)) <= accuracy(PGD(steps=40)) + 0.01
    assert accuracy(Square(queries=600)) <= accuracy(Square(queries=60))
