"""The attacks that hardly look at the model: noise, and examples of another model."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.attacks.base import distances
from fedrobust.attacks.cw_linf import CWLinf
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.attacks.transfer import Transfer
from fedrobust.backend import keras
from fedrobust.models import MLP, build_model
from fedrobust.network.inference import predict
from fedrobust.network.network import network_of, save_model


@pytest.fixture(scope="module")
def surrogate(trained):
    """The trained model with its last layer bent: other examples fool it."""
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    model = build_model(recipe, 1, (8, 8, 1))
    rng = np.random.default_rng(0)
    weights = trained.model.get_weights()
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in weights])
    return model


def accuracy(model, x, y):
    network = network_of(model)
    return (predict(network, network.arrays(), x) == y).mean()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.2), ("l2", 1.0)])
def test_noise_is_weaker_than_pgd(trained, norm, epsilon):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    noise = RandomNoise(epsilon=epsilon, norm=norm)(trained.model, x, y)
    pgd = PGD(epsilon=epsilon, norm=norm, steps=10)(trained.model, x, y)
    assert 0 < distances(noise, x, norm).max() <= epsilon
    assert accuracy(trained.model, noise, y) > accuracy(trained.model, pgd, y) + 0.2


def test_more_draws_break_no_fewer(trained):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    one, many = (
        accuracy(trained.model, RandomNoise(restarts=n)(trained.model, x, y), y)
        for n in (1, 10)
    )
    assert many <= one
    assert RandomNoise(restarts=10).passes(10) == 10
    with pytest.raises(ValueError, match="restarts"):
        RandomNoise(restarts=0)


def test_noise_fills_the_ball(trained):
    x = np.full((128, 8, 8, 1), 0.5, np.float32)
    noise = RandomNoise(epsilon=0.2)(trained.model, x, np.zeros(128, np.int64)) - 0.5
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_transfer_is_the_attack_on_the_surrogate(trained, surrogate, norm):
    x, y = trained.data.x_test[:60], trained.data.y_test[:60]
    # The ball of the inner attack does not count.
    inner = PGD(epsilon=0.01, steps=5)
    attack = Transfer(epsilon=0.25, norm=norm, surrogate=surrogate, attack=inner)
    x_adv = attack(trained.model, x, y, seed=3)
    direct = replace(inner, epsilon=0.25, norm=norm)(surrogate, x, y, seed=3)
    np.testing.assert_array_equal(x_adv, direct)
    on_model = replace(inner, epsilon=0.25, norm=norm)(trained.model, x, y, seed=3)
    assert (x_adv != on_model).any()
    np.testing.assert_array_equal(attack.at(0)(trained.model, x, y), x)


def test_a_surrogate_may_be_a_file(trained, surrogate, tmp_path):
    x, y = trained.data.x_test[:10], trained.data.y_test[:10]
    path = tmp_path / "surrogate.keras"
    save_model(surrogate, path)
    expected = Transfer(surrogate=surrogate)(trained.model, x, y)
    for name in (path, str(path)):
        found = Transfer(surrogate=name)(trained.model, x, y)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="path of a Keras model file"):
        Transfer(surrogate=str(tmp_path / "none.keras"))(trained.model, x, y)


def test_another_model_in_the_file_of_a_surrogate_is_loaded(
    trained, surrogate, tmp_path
):
    x, y = trained.data.x_test[:10], trained.data.y_test[:10]
    path = tmp_path / "surrogate.keras"
    for model in (surrogate, trained.model):
        save_model(model, path)
        found = Transfer(surrogate=path)(trained.model, x, y)
        expected = Transfer(surrogate=model)(trained.model, x, y)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    first = Transfer(surrogate=surrogate)(trained.model, x, y)
    assert abs(found - first).max() > 0.01


def test_a_surrogate_of_another_task_is_refused(trained, linear):
    x, y = trained.data.x_test[:4], trained.data.y_test[:4]
    with pytest.raises(ValueError, match=r"inputs of shape \(4,\)"):
        Transfer(surrogate=linear)(trained.model, x, y)
    layers = keras.layers.Flatten(), keras.layers.Dense(3)
    other = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    with pytest.raises(ValueError, match="3 classes"):
        Transfer(surrogate=other)(trained.model, x, y)


def test_transfer_refuses_a_norm_that_its_attack_lacks(surrogate):
    with pytest.raises(ValueError, match="norm"):
        Transfer(surrogate=surrogate, attack=CWLinf(), norm="l2")
    with pytest.raises(ValueError, match="attack"):
        Transfer(surrogate=surrogate, attack="pgd")
