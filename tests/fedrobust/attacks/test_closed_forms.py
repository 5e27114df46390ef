"""Attacks on linear models, where the worst case is known."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from fedrobust.attacks import (
    APGD,
    BIM,
    CWL2,
    FAB,
    FGSM,
    MIM,
    PGD,
    DeepFool,
    Square,
)
from fedrobust.attacks.apgd import checkpoints
from fedrobust.attacks.hyperplane import towards_hyperplane
from fedrobust.attacks.losses import dlr, targeted_dlr
from fedrobust.backend import keras
from fedrobust.network import network_of

W = np.array([1.0, -2.0, 0.5, -0.25], np.float32)


def inside(rng, n=50):
    x = rng.uniform(0.4, 0.6, size=(n, 4)).astype(np.float32)
    return x, (x @ W < 0).astype(np.int64)


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


def test_apgd_ends_in_the_corner_of_what_it_cannot_break(linear, rng):
    x, y = inside(rng)
    stands = np.abs(x @ W) > 0.1 * np.abs(W).sum() + 0.01
    assert stands.sum() > 3
    x, y = x[stands], y[stands]
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * np.sign(W)
    x_adv = APGD(epsilon=0.1)(linear, x, y)
    np.testing.assert_allclose(x_adv, x + 0.1 * direction, atol=1e-6)


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


# --- parts ----------------------------------------------------------------------------


def test_apgd_judges_its_step_where_the_paper_does():
    ends, lengths = checkpoints(100)
    assert (np.flatnonzero(ends) + 1).tolist() == [22, 41, 57, 70, 80, 87, 93, 99]
    assert lengths[ends].tolist() == [22, 19, 16, 13, 10, 7, 6, 6]


def test_dlr_by_hand():
    logits = np.array([[3.0, 1.0, 2.0, 0.0]], np.float32)
    # The label 0 leads by 1; from the first to the third are 2.
    assert float(dlr(np.array([0]), logits)[0]) == pytest.approx(-0.5)
    # Towards 2: -(3 - 2) / (3 - (1 + 0) / 2).
    towards = targeted_dlr(np.array([0]), np.array([2]), logits)
    assert float(towards[0]) == pytest.approx(-0.4)
    shifted = 10 * logits + 5
    assert float(dlr(np.array([0]), shifted)[0]) == pytest.approx(-0.5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_to_a_plane_is_the_shortest(norm, rng):
    x = rng.uniform(size=(20, 6)).astype(np.float32)
    w = rng.normal(size=(20, 6)).astype(np.float32)
    target = rng.uniform(size=(20, 6)).astype(np.float32)
    b = (w * target).sum(axis=1)  # a point of the range is on the plane
    d = np.asarray(towards_hyperplane(x, w, b, norm, 0.0, 1.0), np.float64)
    np.testing.assert_allclose((w * (x + d)).sum(axis=1), b, atol=1e-4)
    assert (x + d).min() >= -1e-6
    assert (x + d).max() <= 1 + 1e-6
    for i in range(20):
        if norm == "linf":
            # Variables d, t: minimise t with |d_i| <= t.
            eye, ones = np.eye(6), np.ones((6, 1))
            best = linprog(
                [*np.zeros(6), 1],
                A_ub=np.block([[eye, -ones], [-eye, -ones]]),
                b_ub=np.zeros(12),
                A_eq=[[*w[i], 0]],
                b_eq=[b[i] - w[i] @ x[i]],
                bounds=[*zip(-x[i], 1 - x[i], strict=True), (0, None)],
            ).fun
            length = np.abs(d[i]).max()
        else:
            best = (
                minimize(
                    lambda v: v @ v,
                    target[i] - x[i],
                    jac=lambda v: 2 * v,
                    bounds=list(zip(-x[i], 1 - x[i], strict=True)),
                    constraints={
                        "type": "eq",
                        "fun": lambda v, i=i: w[i] @ (x[i] + v) - b[i],
                    },
                    method="SLSQP",
                ).fun
                ** 0.5
            )
            length = np.linalg.norm(d[i])
        assert length == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_to_a_plane_does_not_depend_on_other_rows(norm, rng):
    # The 784 pieces of each row take their own number of steps.
    x = rng.uniform(size=(60, 784)).astype(np.float32)
    w = rng.normal(size=(60, 784)).astype(np.float32)
    b = (w * rng.uniform(size=(60, 784))).sum(axis=1).astype(np.float32)
    together = np.asarray(towards_hyperplane(x, w, b, norm, 0.0, 1.0))
    for i in range(60):
        alone = [np.repeat(values[i : i + 1], 60, axis=0) for values in (x, w, b)]
        found = np.asarray(towards_hyperplane(*alone, norm, 0.0, 1.0))
        np.testing.assert_array_equal(found[i], together[i])


def test_a_plane_out_of_reach_uses_the_whole_range():
    x = np.array([[0.2, 0.5]], np.float32)
    w = np.array([[1.0, -1.0]], np.float32)
    for norm in ("linf", "l2"):
        d = np.asarray(towards_hyperplane(x, w, np.array([9.0], "f"), norm, 0.0, 1.0))
        np.testing.assert_allclose(d, [[0.8, -0.5]], atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "classes"),
    [(APGD(loss="dlr"), 3), (APGD(loss="dlr", targeted=True), 4)],
)
def test_too_few_classes_are_refused(linear, attack, classes):
    x, y = np.full((2, 4), 0.5, np.float32), np.array([0, 1])
    with pytest.raises(
        ValueError, match=f"at least {classes} classes and the model has 2: use "
    ):
        attack(linear, x, y)


def test_a_model_with_a_single_output_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    x, y = np.full((2, 4), 0.5, np.float32), np.array([0, 0])
    with pytest.raises(ValueError, match="has one output"):
        FGSM()(model, x, y)


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
