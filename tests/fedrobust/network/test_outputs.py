"""The kind of a model's outputs, judged by their values."""

import numpy as np
import pytest

from fedrobust.attacks import FGSM
from fedrobust.backend import keras, tf
from fedrobust.evaluation.assessment import assess
from fedrobust.network.outputs import kind_of


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
