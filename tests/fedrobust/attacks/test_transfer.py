"""Adversarial examples of a surrogate."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.attacks.cw_linf import CWLinf
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.transfer import Transfer
from fedrobust.backend import keras
from fedrobust.models import MLP, build_model
from fedrobust.network.network import save_model


@pytest.fixture(scope="module")
def surrogate(trained):
    """The trained model with its last layer bent: other examples fool it."""
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    model = build_model(recipe, 1, (8, 8, 1))
    rng = np.random.default_rng(0)
    weights = trained.model.get_weights()
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in weights])
    return model


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
