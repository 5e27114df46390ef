"""Any Keras classifier as one of logits in float32."""

import numpy as np
import pytest

from fedrobust.attacks import CWL2, PGD, AutoAttackFast
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.backend import keras, tf
from fedrobust.evaluation.assessment import assess
from fedrobust.models import build_model
from fedrobust.network import BoundModel, Network
from fedrobust.network.classifier import classifier

FLOATS = ["float64", "mixed_float16", "float16", "mixed_bfloat16", "bfloat16"]


def with_dtype(model, policy, sure=1.0):
    """Build the same model in another dtype, with logits that many times as large."""
    layers = keras.layers
    copy = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(dtype=policy),
            layers.Dense(32, activation="relu", dtype=policy),
            layers.Dense(10, dtype=policy),
        ]
    )
    *hidden, kernel, bias = model.get_weights()
    copy.set_weights([*hidden, sure * kernel, sure * bias])
    return copy


def input_gradients(model, x, y):
    """Compute the cross-entropy's gradients, compiled as attacks compile them."""
    network = Network(model)

    def run(trainable, fixed, x, y):
        bound = BoundModel(network, trainable, fixed)
        return value_and_gradient(bound, x, loss_of("ce", bound, x, y))[2]

    arguments = *network.split(network.arrays()), x, y.astype(np.int32)
    return np.asarray(network.function(run)(*arguments))


@pytest.mark.parametrize("policy", FLOATS)
def test_a_confident_model_has_the_gradients_of_float32_in_every_dtype(trained, policy):
    x, y = trained.data.x_test[:64], trained.data.y_test[:64]
    exact = input_gradients(with_dtype(trained.model, "float32", 6.0), x, y)
    found = input_gradients(with_dtype(trained.model, policy, 6.0), x, y)
    assert found.dtype == np.float32
    sizes = np.linalg.norm(exact.reshape(64, -1), axis=1)
    # Below what float16 holds; without scaling they are zero.
    assert (sizes < 1e-8).sum() > 10
    flat = [g.reshape(64, -1).astype(np.float64) for g in (exact, found)]
    cosine = (flat[0] * flat[1]).sum(1) / np.prod(
        [np.linalg.norm(f, axis=1) + 1e-300 for f in flat], axis=0
    )
    assert (cosine[sizes > 0] > 0.9).mean() > 0.9
    ratio = np.linalg.norm(flat[1], axis=1) / np.maximum(sizes, 1e-300)
    assert np.median(abs(ratio[sizes > 0] - 1)) < 0.3


@pytest.mark.parametrize("policy", FLOATS)
def test_attacks_break_as_much_in_every_dtype(trained, policy):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    attacks = {"pgd": PGD(steps=10)}
    near = {"cw_l2": CWL2(steps=20, search_steps=7)}
    if policy == "mixed_float16":
        attacks["autoattack_fast"] = AutoAttackFast(steps=5, targets=2, queries=20)
    robust = []
    for model in (trained.model, with_dtype(trained.model, policy)):
        found = assess(model, x, y, attacks, [0.1]).scores
        nearest = assess(model, x, y, near, [0.8], checks="none").scores
        robust.append([*found.worst.values(), *nearest.worst.values()])
        assert not [n for n, c in found.checks.items() if c.status == "fail"]
        assert found.clean == pytest.approx(0.98, abs=0.03)
    np.testing.assert_allclose(robust[1], robust[0], atol=0.05)


@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_quantised_weights_are_attacked(trained, mode):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    model = with_dtype(trained.model, "float32")
    with pytest.warns(UserWarning, match="quantize"):
        model.quantize(mode)
    attacks = {"pgd": PGD(steps=10)}
    found = assess(model, x, y, attacks, [0.1]).scores
    plain = assess(trained.model, x, y, attacks, [0.1]).scores
    assert found.worst["0.1"] == pytest.approx(plain.worst["0.1"], abs=0.1)


def test_a_model_of_float32_is_left_alone(trained):
    network = Network(trained.model)
    assert not network.is_narrow
    assert Network(with_dtype(trained.model, "mixed_float16")).is_narrow
    weights = network.split(network.arrays())
    with tf.Graph().as_default() as graph:
        BoundModel(network, *weights)(tf.zeros((1, 8, 8, 1)))
        kinds = {op.type for op in graph.get_operations()}
    assert not {"IdentityN", "Cast"} & kinds


def test_weights_that_no_message_can_hold_are_refused_before_the_first_round(trained):
    with pytest.raises(ValueError, match="use the policy mixed_bfloat16"):
        build_model(lambda: with_dtype(trained.model, "bfloat16"), 0, (8, 8, 1))


def ending_in(model, how):
    """Add something to the end of a model that changes no answer."""
    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((8, 8, 1))
    logits = model(inputs)
    soft = layers.Softmax()(logits)
    ends = {
        "sigmoid": lambda: layers.Activation("sigmoid")(logits),
        "sigmoid operation": lambda: ops.sigmoid(logits),
        "tanh": lambda: layers.Activation("tanh")(0.1 * logits),
        "softmax and dropout": lambda: layers.Dropout(0.5)(soft),
        "softmax and reshape": lambda: layers.Reshape((10,))(soft),
        "lambda": lambda: layers.Lambda(tf.nn.sigmoid, output_shape=(10,))(logits),
        "percent": lambda: 100.0 * soft,
        "log softmax": lambda: ops.log_softmax(logits),
        "temperature": lambda: 0.001 * logits,
        "image of outputs": lambda: layers.Reshape((1, 1, 10))(soft),
    }
    ended = keras.Model(inputs, ends[how]())
    outer = keras.Input((8, 8, 1))
    return keras.Model(outer, ended(outer))


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ("sigmoid", "ends in a sigmoid, which was removed"),
        ("sigmoid operation", "ends in a sigmoid, which was removed"),
        ("tanh", "ends in a tanh, which was removed"),
        ("softmax and dropout", "ends in a softmax, which was removed"),
        ("softmax and reshape", "ends in a softmax, which was removed"),
        ("lambda", "their log-odds are attacked"),
        ("percent", "their logarithms are attacked"),
        ("log softmax", None),
        ("temperature", "they are multiplied by"),
        ("image of outputs", "outputs are reshaped"),
    ],
)
def test_the_end_of_a_model_never_makes_it_look_more_robust(trained, how, note):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    attacks = {"pgd": PGD(steps=10)}
    plain = assess(trained.model, x, y, attacks, [0.1]).scores
    found = assess(ending_in(trained.model, how), x, y, attacks, [0.1])
    assert note is None or any(note in each for each in found.notes)
    assert (note is None) == (found.notes == [])
    assert found.scores.clean == plain.clean
    # The other losses are as good, up to a few examples.
    assert found.scores.worst["0.1"] <= plain.worst["0.1"] + 0.05


def test_a_dense_layer_with_an_activation_loses_it_and_keeps_its_weights(trained):
    model = keras.models.clone_model(trained.model)
    model.set_weights(trained.model.get_weights())
    model.layers[-1].activation = keras.activations.sigmoid
    x = trained.data.x_test[:8]
    before = np.asarray(model(x))
    bare, _, notes, _ = classifier(model, x)
    assert notes == ["the model ends in a sigmoid, which was removed"]
    np.testing.assert_array_equal(bare(x), trained.model(x))
    np.testing.assert_array_equal(model(x), before)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_one_unit_is_two_logits(activation):
    # z = 4 x_0 - 2: class 1 above 0.5, so |x_0 - 0.5| is the distance to the boundary.
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, activation=activation)]
    )
    model.set_weights([np.array([[4.0], [0.0]]), np.array([-2.0])])
    x = np.array([[0.2, 0.1], [0.4, 0.9], [0.55, 0.5], [0.9, 0.3]], np.float32)
    y = np.array([0, 0, 1, 1], np.int32)
    found = assess(model, x, y, {"pgd": PGD(steps=5)}, [0.01, 0.07, 0.2, 0.45])
    assert any("(-z/2, z/2)" in note for note in found.notes)
    assert found.scores.clean == 1.0
    assert [*found.scores.worst.values()] == [1.0, 0.75, 0.5, 0.0]


def test_a_new_model_of_sigmoids_is_refused_by_a_run():
    layers = [keras.Input((4,)), keras.layers.Dense(3, activation="sigmoid")]
    with pytest.raises(ValueError, match="leave out its sigmoid"):
        build_model(lambda: keras.Sequential(layers), 0, (4,), 3)
