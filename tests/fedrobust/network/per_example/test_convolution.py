"""The gradient of a kernel by rows, against TensorFlow's for each example."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.network.per_example.convolution import convolution
from fedrobust.network.per_example.pieces import Materialised, Outer
from fedrobust.network.per_example.units import Call, units_of


def random_layer(i, rng):
    """Return a convolution of random sizes, and the shape of its inputs."""
    rank = 1 + i % 2
    sizes = [int(n) for n in rng.integers(1, 5, 2 * rank)]
    kernel, strides = tuple(sizes[:rank]), tuple(sizes[rank:])
    kind = keras.layers.Conv1D if rank == 1 else keras.layers.Conv2D
    filters, channels = (40, 6) if i % 3 == 0 else (2, 3)
    layer = kind(filters, kernel, strides, padding=["same", "valid"][i // 2 % 2])
    shape = [*rng.integers(4, 9, rank), channels]
    return layer, [int(n) for n in shape]


def pieces_of(layer, inputs, upstream):
    [unit] = units_of(keras.Sequential([layer]))
    calls = [Call(unit, (x,), {}, [], [], False) for x in inputs]
    return convolution(calls, upstream)


@pytest.mark.parametrize("i", range(16))
def test_norms_and_sums_are_those_of_single_examples(i):
    rng = np.random.default_rng(i)
    layer, shape = random_layer(i, rng)
    x = tf.constant(rng.normal(size=(3, *shape)).astype(np.float32))
    g = tf.constant(rng.normal(size=layer(x).shape).astype(np.float32))
    pieces = pieces_of(layer, [x], [g])
    single = []
    for j in range(3):
        with tf.GradientTape() as tape:
            y = layer(x[j : j + 1])
        single.append(tape.gradient(y, layer.trainable_variables, g[j : j + 1]))
    factors = tf.constant([0.5, 2.0, 1.0])
    for k, variable in enumerate(layer.trainable_variables):
        each = np.array([gradients[k].numpy() for gradients in single])
        piece = pieces[id(variable)]
        norms = np.square(each.reshape(3, -1)).sum(axis=1)
        assert piece.squared_norms().numpy() == pytest.approx(norms, rel=1e-4)
        total = np.tensordot(factors.numpy(), each, 1)
        np.testing.assert_allclose(piece.weighted_sum(factors), total, atol=1e-4)


def test_gradients_are_formed_only_where_they_are_small():
    def kind_of(filters, channels, size):
        layer = keras.layers.Conv2D(filters, 3)
        x = tf.zeros((2, size, size, channels))
        pieces = pieces_of(layer, [x], [layer(x)])
        return type(pieces[id(layer.kernel)])

    assert kind_of(4, 2, size=12) is Materialised
    assert kind_of(64, 64, size=4) is Outer


@pytest.mark.parametrize(
    "how",
    [{"dilation_rate": 2}, {"groups": 2}, {"data_format": "channels_first"}],
    ids=str,
)
def test_unusual_convolutions_have_no_rule(how):
    layer = keras.layers.Conv2D(2, 3, **how)
    layer.build((None, 6, 6, 6))
    x = tf.zeros((2, 6, 6, 6))
    assert pieces_of(layer, [x], [x]) is None
