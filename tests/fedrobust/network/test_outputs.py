"""Whatever dtype, layout and last layer a model has, it is attacked as it should be."""

import numpy as np
import pytest

from fedrobust.attacks import CWL2, FGSM, PGD, AutoAttack, AutoAttackFast, Square
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.backend import keras, tf
from fedrobust.evaluation.assessment import assess
from fedrobust.models import build_model
from fedrobust.network import BoundModel, Network
from fedrobust.network.classifier import classifier
from fedrobust.network.layout import Layout, layout_for
from fedrobust.network.outputs import kind_of

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


# --- dtypes -------------------------------------------------------------------------


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


# --- what outputs are ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        ([[0.2, 0.8], [1.0, 0.0]], "probabilities"),
        ([[20, 80], [100, 0]], "probabilities"),
        ([[0.5, 0.5], [0.5, 0.5]], "probabilities"),
        ([[0.2, 0.7], [1.0, 0.0]], "sigmoids"),
        ([[0.2], [0.7]], "sigmoids"),
        ([[0.0, 0.0], [0.0, 0.0]], "logits"),
        ([[-0.2, 1.2], [0.0, 1.0]], "logits"),
        ([[3.0, 0.0], [1.0, 0.0]], "logits"),
        ([[0.2, 0.8], [np.nan, 5.0]], "probabilities"),
        ([[np.nan, np.nan]], "logits"),
        # Of few rows, or of one again and again, a sum is a coincidence.
        ([[2, 5, 0.5]], "logits"),
        ([[2, 5, 0.5], [2.5, 0, 5]], "logits"),
        ([[2, 5, 0.5]] * 100, "logits"),
        ([[0.2, 0.5, 0.3]], "probabilities"),
        ([[20, 50, 30]], "probabilities"),
        ([[k, 8 - k] for k in range(8)], "probabilities"),
        ([[k, 8 - k] for k in range(7)], "logits"),
    ],
)
def test_outputs_are_judged_by_their_values(outputs, kind):
    assert kind_of(np.array(outputs, np.float32)) == kind


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("rows", [1, 2, 3, 64])
def test_outputs_of_a_relu_are_logits_however_few(rows, dtype):
    rng = np.random.default_rng(0)
    for _ in range(300):
        outputs = np.maximum(rng.normal(size=(rows, 10)) * 4 - 1, 0)
        outputs[:, 0] += 2
        assert kind_of(outputs, dtype) == "logits"


@pytest.mark.parametrize("samples", [1, 2])
def test_a_model_that_ends_in_a_relu_is_judged_alike_by_few_examples(trained, samples):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.ops.relu(trained.model(inputs)))
    x, y = trained.data.x_test[:samples], trained.data.y_test[:samples]
    found = assess(model, x, y, {"fgsm": FGSM()}, [0.1])
    assert found.notes == []
    assert found.scores.checks["logits"].status == "pass"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_probabilities_that_were_rounded_are_probabilities(dtype):
    logits = np.random.default_rng(0).normal(size=(64, 10)) * 3
    exact = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rounded = tf.cast(tf.cast(exact, dtype), tf.float32).numpy()
    assert kind_of(rounded, dtype) == "probabilities"
    assert kind_of(rounded * 0.9 + 0.1 * rounded.round(1), dtype) != "logits"


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
    bare, _, notes = classifier(model, x)
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


# --- layouts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken", "layout"),
    [
        ((8, 8, 1), (8, 8, 1), Layout((8, 8, 1))),
        ((8, 8, 1), (None, None, 1), Layout((8, 8, 1))),
        ((8, 8, 1), (8, 8), Layout((8, 8))),
        ((8, 8, 1), (1, 8, 8), Layout((1, 8, 8))),
        ((8, 8, 1), (64,), Layout((64,))),
        ((8, 8), (8, 8, 1), Layout((8, 8, 1))),
        ((32, 32, 3), (3072,), Layout((3072,))),
        ((784,), (28, 28, 1), Layout((28, 28, 1))),
        ((32, 32, 3), (3, 32, 32), Layout((32, 32, 3), (3, 1, 2))),
        ((32, 32, 3), (3, None, None), Layout((32, 32, 3), (3, 1, 2))),
        ((3, 30, 20), (30, 20, 3), Layout((3, 30, 20), (2, 3, 1))),
        ((30, 20, 3), (3, 30, 20), Layout((30, 20, 3), (3, 1, 2))),
    ],
)
def test_a_layout_that_keeps_the_pixels_is_found(given, taken, layout):
    assert layout_for(given, taken) == layout


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ((32, 32, 3), (16, 64, 3)),
        ((30, 20, 3), (3, 20, 30)),
        ((30, 20, 3), (20, 30, 3)),
        ((3072,), (32, 32, 3)),
        ((8, 8, 1), (4, 16)),
        ((8, 8, 1), (9, 9, 1)),
        ((8, 8, 1), (None, 3)),
    ],
)
def test_a_layout_that_would_scramble_them_is_refused(given, taken):
    with pytest.raises(ValueError, match="the model takes inputs of shape"):
        layout_for(given, taken)


def test_a_model_of_channels_first_is_attacked_as_that_of_channels_last():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(60, 6, 5, 3)).astype(np.float32)
    weights = rng.normal(size=(6, 5, 3, 4)).astype(np.float32)
    models = []
    for shape, w in [
        ((6, 5, 3), weights),
        ((3, 6, 5), weights.transpose(2, 0, 1, 3)),
    ]:
        layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
        models.append(keras.Sequential(layers))
        models[-1].set_weights([w.reshape(90, 4), np.zeros(4)])
    y = np.asarray(models[0](x)).argmax(1).astype(np.int32)
    attacks = {"pgd": PGD(steps=5), "square": Square(queries=50)}
    last, first = (assess(m, x, y, attacks, [0.02, 0.05]) for m in models)
    assert last.scores.clean == first.scores.clean == 1.0
    assert last.scores.worst == first.scores.worst
    assert "transposed to (3, 6, 5)" in first.notes[0]
    assert first.x.shape == x.shape


@pytest.mark.parametrize(
    ("classes", "instead"),
    [(2, "[apgd_ce,fab,square]"), (3, "[apgd_ce,apgd_dlr,fab,square]")],
)
def test_attacks_that_work_below_four_classes_are_named(classes, instead):
    with pytest.raises(ValueError, match="needs at least 4 classes") as raised:
        AutoAttack().check_task((4,), classes)
    assert f"use attack={instead} instead" in str(raised.value)
