"""Square: its schedule, windows and patterns by hand, and what it breaks."""

import numpy as np
import pytest

from fedrobust.attacks.ball import Ball, into_ball
from fedrobust.attacks.base import distances
from fedrobust.attacks.patterns import eta
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.square import L2Search, LinfSearch, Square, share
from fedrobust.backend import keras, tf
from fedrobust.network import network_of
from fedrobust.network.inference import predict


def stands(model, x, y):
    network = network_of(model)
    return predict(network, network.arrays(), x) == y


@pytest.mark.parametrize(
    ("i", "divisor"),
    [
        (1, 1), (10, 1), (11, 2), (50, 2), (51, 4), (200, 4), (201, 8), (501, 16),
        (1000, 16), (1001, 32), (2001, 64), (4001, 128), (6001, 256), (8000, 256),
        (8001, 512), (10**6, 512),
    ],
)  # fmt: skip
def test_the_share_is_halved_after_published_queries(i, divisor):
    assert share(0.8, i) == pytest.approx(0.8 / divisor)


def test_an_linf_proposal_moves_one_window_to_the_edge_of_the_ball():
    x = tf.fill([3, 6, 8, 2], 0.5)
    search = LinfSearch(ball_around(x, "linf", 0.1), [(5, 5), (2, 3)])
    # Corners: the first, the middle and the last of 5 x 6; signs by channel.
    numbers = tf.constant([[0, 0, 0, 0.9], [0.5, 0.5, 0.9, 0.9], [0.999, 0.999, 0, 0]])
    moved = search.propose(x, tf.cast(numbers, tf.float32), tf.constant(1)).numpy()
    expected = np.full((3, 6, 8, 2), 0.5, np.float32)
    expected[0, 0:2, 0:3] += [-0.1, 0.1]
    expected[1, 2:4, 3:6] += [0.1, 0.1]
    expected[2, 4:6, 5:8] += [-0.1, -0.1]
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_an_l2_proposal_moves_length_from_one_window_to_another():
    x = np.full((1, 6, 6, 1), 0.5, np.float32)
    best = x.copy()
    # A perturbation of length 0.3 of epsilon 0.5; a pixel of 0.1 in each window.
    best[0, 1, 1, 0] += 0.1
    best[0, 4, 4, 0] += 0.1
    best[0, 0, 5, 0] += np.sqrt(0.07)
    search = L2Search(ball_around(x, "l2", 0.5), [(3, 3)])
    numbers = tf.constant([[0.0, 0.0, 0.99, 0.99, 0.7, 0.9]])
    moved = search.propose(tf.constant(best), numbers, tf.constant(0)).numpy()
    offset = (moved - x)[0, :, :, 0]
    spike = np.zeros((3, 3))
    spike[1, 1] = 1
    new = eta(3, 3) + spike
    length = np.sqrt(0.5**2 - 0.3**2 + 2 * 0.1**2)
    expected = np.zeros((6, 6))
    expected[:3, :3] = new / np.linalg.norm(new) * length
    expected[0, 5] = np.sqrt(0.07)
    np.testing.assert_allclose(offset, expected, atol=1e-5)
    assert np.linalg.norm(offset) == pytest.approx(0.5, abs=1e-5)


def ball_around(x, norm, epsilon):
    return Ball(tf.constant(x), tf.constant(epsilon), norm)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_model_of_flat_inputs_breaks_exactly_beyond_its_margin(
    linear, norm, rng
):
    x = rng.uniform(0.4, 0.6, size=(60, 4)).astype(np.float32)
    w = linear.get_weights()[0][:, 0]
    y = (x @ w < 0).astype(np.int64)
    # The worst case of w.x in the ball is epsilon |w| in the dual norm.
    dual = 3.75 if norm == "linf" else np.linalg.norm(w)
    reach = np.abs(x @ w) / dual
    x_adv = Square(epsilon=0.3, norm=norm, queries=300)(linear, x, y)
    left = stands(linear, x_adv, y)
    assert not left[reach < 0.2].any()
    assert left[reach > 0.3].all()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.3), ("l2", 1.5)])
def test_more_queries_break_more_of_a_trained_model(trained, norm, epsilon):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    clean = stands(trained.model, x, y)
    accuracies = []
    for queries in (1, 20, 300):
        attack = Square(epsilon=epsilon, norm=norm, queries=queries)
        x_adv = attack(trained.model, x, y)
        assert distances(x_adv, x, norm).max() <= epsilon
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1
        accuracies.append((clean & stands(trained.model, x_adv, y)).mean())
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > accuracies[2]
    assert accuracies[2] <= 0.05


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.2), ("l2", 1.2)])
def test_a_short_search_is_the_beginning_of_a_longer_one(trained, norm, epsilon):
    x, y = trained.data.x_test[:20], trained.data.y_test[:20]
    few, many = (
        Square(epsilon=epsilon, norm=norm, queries=q)(trained.model, x, y)
        for q in (30, 60)
    )
    fooled = ~stands(trained.model, few, y)
    assert 0 < fooled.sum() < 20
    np.testing.assert_array_equal(few[fooled], many[fooled])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_results_do_not_depend_on_the_other_examples(trained, norm):
    x, y = trained.data.x_test[:150], trained.data.y_test[:150]
    attack = Square(epsilon=0.3, norm=norm, queries=40)
    together = attack(trained.model, x, y)
    rows = np.array([140, 3, 77])
    alone = attack(trained.model, x[rows], y[rows], index=rows)
    np.testing.assert_array_equal(alone, together[rows])
    assert (attack(trained.model, x, y, seed=1) != together).any()


@keras.saving.register_keras_serializable("tests")
class Quantised(keras.layers.Layer):
    """Two values an input: a gradient of zero everywhere."""

    def call(self, x):
        return tf.round(x)


def test_a_rounding_stops_pgd_but_not_square(trained):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, trained.model(Quantised()(inputs)))
    x, y = trained.data.x_test[:60], trained.data.y_test[:60]
    clean = stands(model, x, y)
    x, y = x[clean], y[clean]
    assert len(x) > 30
    pgd = PGD(epsilon=0.3, steps=10, random_start=False)(model, x, y)
    np.testing.assert_array_equal(pgd, x)
    square = Square(epsilon=0.3, queries=300)(model, x, y)
    assert stands(model, square, y).mean() < 0.3


@pytest.mark.parametrize("shape", [(12,), (3, 4), (3, 4, 2), (1, 1, 1), (2, 2)])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_shape_of_an_image(shape, norm, rng):
    model = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    x = rng.uniform(size=(5, *shape)).astype(np.float32)
    y = rng.integers(0, 3, size=5)
    x_adv = Square(epsilon=0.2, norm=norm, queries=30)(model, x, y)
    assert x_adv.shape == x.shape
    assert (x_adv != x).any()
    np.testing.assert_array_equal(into_ball(x_adv, x, 0.2, norm, (0, 1)), x_adv)


def test_an_input_that_is_not_an_image_is_refused():
    model = keras.Sequential(
        [keras.Input((2, 2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    x = np.zeros((2, 2, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match="Square needs"):
        Square(queries=2)(model, x, np.zeros(2, np.int64))


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"p_init": 0}, {"p_init": 1.1}])
def test_budgets_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Square(**wrong)
