"""The fast input gradient of a convolution is TensorFlow's, whatever its form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedrobust.backend import keras, tf
from fedrobust.network import input_gradient as module
from fedrobust.network.input_gradient import (
    NAME,
    block_size,
    fast_input_gradients,
    input_gradient,
)


def both(x, filters, **how):
    """Compute the gradients of a weighted sum of outputs, by a tape and ours."""
    rng = np.random.default_rng(1)
    weight = rng.standard_normal(tf.nn.conv2d(x, filters, **how).shape)

    def loss(x, filters):
        return tf.reduce_sum(tf.nn.conv2d(x, filters, **how) * weight)

    @tf.function(autograph=False)
    def ours(x, filters):
        with fast_input_gradients():
            value = loss(x, filters)
        return tf.gradients(value, [x, filters])

    with tf.GradientTape() as tape:
        tape.watch([x, filters])
        value = loss(x, filters)
    return tape.gradient(value, [x, filters]), ours(x, filters), ours


def drawn(*shape):
    values = np.random.default_rng(0).standard_normal(shape)
    return tf.constant(values.astype(np.float64))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(7, 13), st.integers(7, 13)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.sampled_from([1, 2, 3, 4]),
    channels=st.integers(1, 5),
    padding=st.sampled_from(["SAME", "VALID", [[0, 0], [1, 2], [0, 1], [0, 0]]]),
)
def test_it_is_the_gradient(size, kernel, stride, channels, padding):
    x, filters = drawn(2, *size, channels), drawn(*kernel, channels, 3)
    theirs, ours, _ = both(x, filters, strides=stride, padding=padding)
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_by_hand():
    # y_j = x_j w_0 + x_(j+1) w_1 along a row of four; dx = full correlation of dy, w.
    filters = tf.reshape(tf.constant([2.0, 3.0]), (1, 2, 1, 1))
    upstream = tf.reshape(tf.constant([1.0, 10.0, 100.0]), (1, 1, 3, 1))
    found = input_gradient([1, 4, 1], filters, upstream, 1, same=False, block=2)
    assert np.ravel(found).tolist() == [2.0, 23.0, 230.0, 300.0]


@pytest.mark.parametrize(
    ("channels", "stride", "block"),
    [(1, 1, 4), (1, 2, 4), (3, 1, 2), (3, 2, 2), (4, 1, 2), (5, 1, None), (1, 3, None)],
)
def test_blocks_fill_the_filters(channels, stride, block):
    assert block_size(channels, stride) == block


def test_attacks_on_any_keras_model_use_it(monkeypatch):
    from fedrobust.attacks.gradient import value_and_gradient
    from fedrobust.network import BoundModel
    from fedrobust.network.network import Network, cross_entropy

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    calls = []
    original = module.input_gradient

    def counted(*args):
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(module, "input_gradient", counted)
    network = Network(model)
    weights, fixed = network.split(network.arrays())
    x, y = tf.cast(drawn(5, 8, 8, 1), tf.float32), tf.range(5)

    @tf.function(autograph=False)
    def gradient(x):
        bound = BoundModel(network, weights, fixed)
        return value_and_gradient(bound, x, lambda z: cross_entropy(y, z))[2]

    found = gradient(x)
    assert len(calls) == 1
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(cross_entropy(y, model(x)))
    np.testing.assert_allclose(found, tape.gradient(loss, x), atol=1e-6)


def test_only_convolutions_traced_within_have_it():
    x, filters = drawn(1, 8, 8, 1), drawn(3, 3, 1, 2)
    _, _, ours = both(x, filters, strides=1, padding="VALID")
    operations = ours.get_concrete_function(x, filters).graph.get_operations()
    (convolution_op,) = [
        op for op in operations if op.type == "Conv2D" and "grad" not in op.name
    ]
    assert convolution_op.get_attr("_gradient_op_type") == NAME.encode()
    assert not any(op.type == "Conv2DBackpropInput" for op in operations)
