"""Models are built from a seed, and a user's own is used as it is."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest

from fedrobust.attacks import FGSM, Transfer
from fedrobust.backend import keras
from fedrobust.models import (
    CNN,
    MLP,
    CnnBucketing,
    CnnDpSgd,
    CnnMnist,
    ResNet,
    build_model,
)
from fedrobust.network import Network
from fedrobust.training import LocalTraining, Standard, Trainer
from tests.fedrobust.models.recipes import MNIST


@pytest.mark.parametrize(
    ("recipe", "shape", "parameters"),
    [
        (MLP(**MNIST, hidden=[100]), (28, 28, 1), 79_510),
        (CNN(**MNIST, filters=[16, 32]), (28, 28, 1), 166_406),
        (CnnMnist(**MNIST), (28, 28, 1), 431_080),
        (CnnBucketing(**MNIST), (28, 28, 1), 1_199_882),
        (CnnDpSgd(**MNIST), (28, 28, 1), 26_010),
        (ResNet(input_shape=[32, 32, 3], num_classes=10), (32, 32, 3), 77_850),
    ],
    ids=lambda value: type(value).__name__,
)
def test_sizes(recipe, shape, parameters):
    model = build_model(recipe, 0, shape)
    assert model.count_params() == parameters
    assert model(np.zeros((3, *shape), np.float32)).shape == (3, 10)


def test_the_seed_alone_decides_the_weights_and_the_global_generator_is_left():
    first = Network(build_model(CnnMnist(**MNIST), 4, (28, 28, 1))).arrays()
    keras.layers.Dense(3)  # moves the numbers that Keras gives to layers
    second = Network(build_model(CnnMnist(**MNIST), 4, (28, 28, 1))).arrays()
    state = random.getstate()
    other = Network(build_model(CnnMnist(**MNIST), 5, (28, 28, 1))).arrays()
    assert random.getstate() == state
    assert list(first) == list(second), "names must not depend on what was built before"
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    kernel = next(iter(first))
    assert (first[kernel] != other[kernel]).any()


def test_initial_weights_are_what_they_were():
    """Results that are kept would otherwise belong to other models."""
    build = (
        "from fedrobust.models import MLP, build_model;"
        "model = build_model(MLP(input_shape=[2], num_classes=2, hidden=[2]), 0, (2,));"
        "print(model.get_weights()[0].ravel().tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", build], capture_output=True, text=True, check=True
    )
    # Of a process that has not imported Keras before, and of this one.
    recipe = MLP(input_shape=[2], num_classes=2, hidden=[2])
    here = build_model(recipe, 0, (2,)).get_weights()[0].ravel().tolist()
    assert json.loads(done.stdout) == here
    expected = [0.97196710, 0.44261181, -0.14644885, -0.22783273]
    np.testing.assert_allclose(here, expected, atol=1e-6)


def test_a_users_keras_model_is_used_as_it_is():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    built = build_model(lambda: model, 0, (3, 3, 1))
    assert built is model
    assert model.built


class Subclassed(keras.Model):
    """A model that does not tell its shapes."""

    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(4)

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def test_a_subclassed_model_trains_and_is_attacked(digits):
    network = Network(build_model(Subclassed, 0, (8, 8, 1), 4))
    assert network.has_graph
    assert network.num_classes == 4
    x, y = digits.x_train[:40], digits.y_train[:40] % 4
    plain = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    plain.set_weights(network.model.get_weights())
    first, second = (
        Trainer(net, Standard(), keras.optimizers.SGD(0.5)).train(
            net.arrays(), x, y, LocalTraining(), seed=0, round=1, client=0
        )[0]
        for net in (network, Network(plain))
    )
    assert first.loss == second.loss
    for a, b in zip(first.arrays.values(), second.arrays.values(), strict=True):
        np.testing.assert_array_equal(a, b)
    own = Subclassed()
    assert own(x).shape == (40, 4)
    assert Transfer(surrogate=own, epsilon=0.1)(plain, x, y).shape == x.shape
    attack = FGSM(epsilon=0.1)
    found = attack(own, x, y)
    inputs = keras.Input((8, 8, 1))
    np.testing.assert_array_equal(found, attack(keras.Model(inputs, own(inputs)), x, y))
    assert np.abs(found - x).max() == pytest.approx(0.1, abs=1e-6)


def test_probabilities_are_refused():
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    )
    with pytest.raises(ValueError, match="leave out its softmax"):
        build_model(lambda: model, 0, (3, 3, 1))


def test_too_few_logits_are_refused():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="each of 10 classes"):
        build_model(lambda: model, 0, (3, 3, 1), num_classes=10)


def test_an_object_that_is_not_a_model_is_refused():
    with pytest.raises(TypeError, match="returned a int"):
        build_model(lambda: 3, 0, (3,))
