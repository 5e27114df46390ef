"""What every evasion attack has from its base."""

import numpy as np
import pytest

from fedrobust.attacks import APGD, BIM, FGSM, MIM, PGD, AutoAttack
from fedrobust.attacks.subject import Subject
from fedrobust.backend import keras
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.network import network_of


@pytest.mark.parametrize("kind", [PGD, BIM, MIM])
def test_a_step_that_cannot_cross_the_ball_warns(kind):
    with pytest.warns(UserWarning, match="cannot cross"):
        kind(epsilon=0.3, steps=10, step_size=0.01)


def test_one_graph_serves_every_epsilon(trained):
    network = network_of(trained.model)
    attack = PGD(steps=2)
    x, y = trained.data.x_test[:5], trained.data.y_test[:5]
    for epsilon in (0.1, 0.2, 0.3):
        attack.at(epsilon)(trained.model, x, y)
    graph = network.compiled(attack._graph_key(), attack._compile)
    assert graph.experimental_get_tracing_count() == 1


def test_attacks_see_dropout_and_batch_norm_in_inference_mode(rng):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ]
    )
    x = rng.uniform(size=(20, 6)).astype(np.float32)
    y = rng.integers(0, 3, size=20)
    before = [np.array(v) for v in model.variables]
    first = FGSM(epsilon=0.1)(model, x, y)
    np.testing.assert_array_equal(FGSM(epsilon=0.1)(model, x, y), first)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


def test_a_model_that_overflows_is_wrong_not_robust(trained):
    network = network_of(trained.model)
    arrays = {k: v * np.float32(1e30) for k, v in network.arrays().items()}
    x, y = trained.data.x_test[:50], trained.data.y_test[:50]
    x_adv = PGD(epsilon=0.1, steps=3).on(Subject(network, arrays, x, y))
    assert np.abs(x_adv.astype(np.float64) - x).max() <= 0.1
    scores = Evaluator(network, x, y, {"pgd": PGD(steps=3)}, [0.1])(arrays)
    assert scores.clean == scores.robust["pgd"]["0.1"] == 0


def test_the_range_may_be_a_list_and_must_be_a_pair(linear):
    attack = FGSM(epsilon=0.1, model_range=[-1, 1])
    x = np.full((1, 4), -1.0, np.float32)
    assert attack(linear, x, np.array([0])).min() >= -1
    with pytest.raises(ValueError, match="model_range"):
        FGSM(model_range=[0.2])


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


@pytest.mark.parametrize(
    ("classes", "instead"),
    [(2, "[apgd_ce,fab,square]"), (3, "[apgd_ce,apgd_dlr,fab,square]")],
)
def test_attacks_that_work_below_four_classes_are_named(classes, instead):
    with pytest.raises(ValueError, match="needs at least 4 classes") as raised:
        AutoAttack().check_task((4,), classes)
    assert f"use attack={instead} instead" in str(raised.value)
