"""Models that mix the examples of a batch are found by numbers, and named."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.network import BoundModel
from fedrobust.network.network import cross_entropy
from fedrobust.network.per_example import check_separate, layers, pieces
from tests.fedrobust.network.per_example.examples import (
    examples,
    losses_of,
    network,
    parts,
)


class Centre(keras.layers.Layer):
    """Subtract the mean over the batch."""

    def call(self, x):
        return x - tf.reduce_mean(x, axis=0, keepdims=True)


class Swap(keras.layers.Layer):
    """Exchange the first two axes."""

    def call(self, x):
        return tf.transpose(x, [1, 0, 2])


def around(layer, after=()):
    """Return the layers of a model with some in its middle."""

    def layers_of(x):
        x = keras.layers.Conv2D(2, 3, name="first")(x)
        x = keras.layers.Dense(4, name="second")(layer(x))
        for each in after:
            x = each(x)
        return keras.layers.Dense(3, name="last")(keras.layers.Flatten()(x))

    return network(((5, 5, 1), layers_of))


def test_a_layer_that_mixes_examples_is_named():
    with pytest.raises(ValueError, match="the layer 'centre' mixes the examples"):
        check_separate(around(Centre(name="centre")), losses_of, examples((5, 5, 1)))


def test_random_layers_are_no_mixture():
    layer = keras.layers.SpatialDropout2D(0.5)
    after = keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.3)
    check_separate(around(layer, after), losses_of, examples((5, 5, 1)))


@pytest.mark.parametrize("steps", [4, 6])
def test_examples_on_another_axis_for_a_while_are_no_mixture(steps):
    # Six steps are as many as there are examples.
    def layers_of(x):
        x = Swap()(keras.layers.Dense(2, name="inner")(Swap()(x)))
        return keras.layers.Dense(3)(keras.layers.Flatten()(x))

    check_separate(network(((steps, 2), layers_of)), losses_of, examples((steps, 2)))


def test_a_loss_that_mixes_examples_is_named():
    def centred(model, x, y):
        logits = model(x, training=True)
        return cross_entropy(y, logits - tf.reduce_mean(logits, axis=0))

    model = around(keras.layers.ReLU())
    with pytest.raises(ValueError, match="the loss mixes the examples"):
        check_separate(model, centred, examples((5, 5, 1)))


def test_a_gradient_that_mixes_examples_is_named_by_the_weight():
    @tf.custom_gradient
    def mixed(x):
        return x, lambda g: g + tf.reduce_sum(g, axis=0, keepdims=True)

    class Mixed(keras.layers.Layer):
        def call(self, x):
            return mixed(x)

    model = around(Mixed())
    with pytest.raises(ValueError, match=r"single examples by '\w+/\w+' are wrong"):
        check_separate(model, losses_of, examples((5, 5, 1)))


def test_a_wrong_rule_is_found(monkeypatch):
    def wrong(calls, upstream):
        right = layers.dense(calls, upstream)
        bias = calls[0].unit.layer.bias
        doubled = [2 * each for each in right[id(bias)].tensors]
        return right | {id(bias): pieces.Materialised(doubled, right[id(bias)].shaped)}

    monkeypatch.setitem(layers.RULES, "Dense", wrong)
    with pytest.raises(ValueError, match=r"by '\w+/bias' are wrong"):
        check_separate(around(keras.layers.ReLU()), losses_of, examples((5, 5, 1)))


def test_batch_normalisation_is_refused_before_numbers():
    model = around(keras.layers.BatchNormalization(name="norm"))
    with pytest.raises(ValueError, match=r"'norm' keeps .*model\.norm=layer"):
        check_separate(model, losses_of, examples((5, 5, 1)))


def test_the_model_may_be_bound_to_other_variables():
    model = around(keras.layers.ReLU())
    _, fixed = parts(model)
    rounds = []

    def bind(weights):
        rounds.append(7)
        return BoundModel(model, weights, fixed, round=7)

    check_separate(model, losses_of, examples((5, 5, 1)), bind)
    assert rounds


def test_a_model_without_a_gradient_passes():
    zeros = keras.layers.Dense(3, kernel_initializer="zeros", use_bias=False)
    model = network(((4,), lambda x: zeros(0 * x)))
    check_separate(model, losses_of, [np.zeros((3, 4), np.float32), np.int32([0] * 3)])
