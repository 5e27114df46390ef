"""Attacks against models whose worst case is known in closed form."""

import numpy as np
import pytest

from fedrobust.attacks import BIM, FGSM, MIM, PGD
from fedrobust.attacks.subject import Subject
from fedrobust.backend import keras
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.network import network_of

W = np.array([1.0, -2.0, 0.5, -0.25], np.float32)


@pytest.mark.parametrize(
    "attack",
    [FGSM(epsilon=0.1), PGD(epsilon=0.1, steps=10)],
    ids=repr,
)
def test_a_linear_model_is_attacked_to_the_corner(linear, attack, rng):
    x = rng.uniform(0.3, 0.7, size=(50, 4)).astype(np.float32)
    y = rng.integers(0, 2, size=50)
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * np.sign(W)
    x_adv = attack(linear, x, y)
    np.testing.assert_allclose(x_adv, x + 0.1 * direction, atol=1e-6)


def test_the_box_clips_what_the_ball_allows(linear):
    x = np.array([[0.0, 1.0, 0.95, 0.5]], np.float32)
    x_adv = FGSM(epsilon=0.2)(linear, x, np.array([1]))  # climbs along +w
    np.testing.assert_allclose(x_adv, [[0.2, 0.8, 1.0, 0.3]], atol=1e-6)


def test_pgd_without_random_start_is_fgsm_when_it_takes_one_whole_step(trained):
    x, y = trained.data.x_test, trained.data.y_test
    one = PGD(epsilon=0.1, steps=1, step_size=0.1, random_start=False)
    np.testing.assert_array_equal(
        one(trained.model, x, y), FGSM(epsilon=0.1)(trained.model, x, y)
    )


def test_the_random_start_is_keyed_by_seed_and_index(trained):
    x, y = trained.data.x_test[:4], trained.data.y_test[:4]
    x, y = np.repeat(x[:1], 4, axis=0), np.repeat(y[:1], 4)
    attack = PGD(epsilon=0.2, steps=1, step_size=0.2 / 1000 * 1000)
    first = attack(trained.model, x, y, seed=0)
    assert len({row.tobytes() for row in first}) == 4
    assert (attack(trained.model, x, y, seed=1) != first).any()
    np.testing.assert_array_equal(attack(trained.model, x, y, seed=0), first)


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


def test_robust_accuracy_never_exceeds_clean_and_counts_by_hand(linear):
    # Margins 2 w.x of 0.2, 0.6 and -0.4 (a mistake); w has L1 norm 3.75.
    x = np.array([[0.1, 0, 0, 0], [0.3, 0, 0, 0], [0, 0.1, 0, 0]], np.float32)
    network = network_of(linear)
    evaluator = Evaluator(
        network, x, np.zeros(3, np.int32), {"fgsm": FGSM()}, [0.0, 0.02, 0.05, 0.2]
    )
    scores = evaluator(network.arrays())
    # Values at 0 cannot fall: only +w directions and the first value move.
    # The margin of example i falls by epsilon (1 [the first value] + 2 + 0.25).
    assert scores.clean == pytest.approx(2 / 3)
    assert scores.robust["fgsm"] == pytest.approx(
        {"0.0": 2 / 3, "0.02": 2 / 3, "0.05": 1 / 3, "0.2": 0}
    )
    assert scores.worst == scores.robust["fgsm"]


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
