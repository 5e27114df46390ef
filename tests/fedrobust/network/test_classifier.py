"""Any Keras classifier is attacked, and what cannot be is told in one sentence."""

import importlib
import shutil
import sys

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD, Transfer
from fedrobust.backend import keras, tf
from fedrobust.cli import main
from fedrobust.evaluation.assessment import assess
from fedrobust.network.classifier import classifier


def with_softmax(model, how):
    inputs = keras.Input((8, 8, 1))
    if how == "layer":
        return keras.Model(inputs, keras.layers.Softmax()(model(inputs)))
    if how == "operation":
        return keras.Model(inputs, keras.ops.softmax(model(inputs)))
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.softmax
    return copy


@pytest.mark.parametrize("how", ["layer", "operation", "activation"])
def test_a_softmax_is_detected_and_the_numbers_are_those_of_logits(trained, how):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    attacks = {"fgsm": FGSM(), "pgd": PGD()}
    plain = assess(trained.model, x, y, attacks, [0.1])
    model = with_softmax(trained.model, how)
    before = np.asarray(model(x))
    found = assess(model, x, y, attacks, [0.1])
    assert len(found.notes) == 1
    assert "softmax" in found.notes[0] or "probabilities" in found.notes[0]
    assert found.scores.clean == plain.scores.clean
    assert found.scores.worst["0.1"] == pytest.approx(
        plain.scores.worst["0.1"], abs=0.02
    )
    np.testing.assert_array_equal(np.asarray(model(x)), before)


def test_inputs_are_reshaped_and_scaled_with_a_note(trained):
    x, y = trained.data.x_test[:50], trained.data.y_test[:50]
    inputs = keras.Input((64,))
    centred = keras.layers.Rescaling(0.5, 0.5)(inputs)  # takes [-1, 1]
    shaped = keras.layers.Reshape((8, 8, 1))(centred)
    model = keras.Model(inputs, trained.model(shaped))
    found = assess(model, x, y, {"fgsm": FGSM()}, [0.1], model_range=(-1, 1))
    plain = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.1])
    assert found.x.shape == (50, 64)
    assert [note.split()[0] for note in found.notes] == ["inputs", "inputs"]
    assert found.scores.robust == plain.scores.robust


def test_a_model_that_is_not_a_classifier_of_the_inputs_is_refused(trained):
    x = trained.data.x_test[:4]
    with pytest.raises(ValueError, match="inputs of shape"):
        classifier(trained.model, np.zeros((2, 9, 9, 1), np.float32))
    with pytest.raises(ValueError, match="logit for each class"):
        classifier(keras.Sequential([keras.Input((8, 8, 1)),
                                     keras.layers.Conv2D(3, 3)]), x)  # fmt: skip
    with pytest.raises(ValueError, match="LOW < HIGH"):
        classifier(trained.model, x, (1, 1))
    few = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                            keras.layers.Dense(4)])  # fmt: skip
    with pytest.raises(ValueError, match="the model has 4 classes"):
        assess(few, x, np.array([0, 1, 2, 9]), {"fgsm": FGSM()}, [0.1])


def test_if_nothing_is_classified_correctly_the_examples_are_kept_unchanged(trained):
    x = trained.data.x_test[:20]
    answers = assess(trained.model, x, trained.data.y_test[:20], {}, [0.1]).answers
    y = ((answers + 1) % 10).astype(np.int32)
    found = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.1])
    assert found.scores.clean == 0
    assert list(found.adversarial) == [("fgsm", "0.1")]
    np.testing.assert_array_equal(found.adversarial["fgsm", "0.1"], found.x)
    np.testing.assert_array_equal(found.attacked_answers["fgsm", "0.1"], answers)


def test_examples_of_a_saved_surrogate_transfer(trained, saved):
    x, y = trained.data.x_test[:40], trained.data.y_test[:40]
    inner = PGD(steps=5)
    moved = Transfer(surrogate=str(saved), attack=inner, epsilon=0.1)(
        trained.model, x, y
    )
    np.testing.assert_array_equal(moved, inner.at(0.1)(trained.model, x, y))


OWN_LAYERS = """
from fedrobust.backend import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def build(end="nothing"):
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), Twice()]
    if end == "lambda":
        layers.append(keras.layers.Lambda(lambda x: x + 1))
    return keras.Sequential([*layers, keras.layers.Dense(10)])
"""


@pytest.fixture
def own_layers(tmp_path, monkeypatch):
    """A module of a user's own, importable for as long as a test."""
    (tmp_path / "own_layers_of_test.py").write_text(OWN_LAYERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield "own_layers_of_test"
    sys.modules.pop("own_layers_of_test", None)


def own_model(module, path, **arguments):
    importlib.import_module(module).build(**arguments).save(path)
    # As in another process, which has not imported it.
    sys.modules.pop(module)
    return ["attack", "--model", str(path), "attack=fgsm", "--samples", "5"]


def test_a_custom_layer_is_named_and_imported(own_layers, tmp_path, capsys):
    words = own_model(own_layers, tmp_path / "m.keras")
    assert main([*words, "--out", "a"]) == 2
    error = capsys.readouterr().err
    assert "it uses the custom class 'Twice'" in error
    assert f"--import {own_layers}" in error
    assert main([*words, "--out", "a", "--import", own_layers]) == 0
    assert main([*words, "--out", "b", "--import", "no_such_module"]) == 2
    assert "no_such_module cannot be imported" in capsys.readouterr().err


def test_the_model_of_a_run_finds_its_own_module(own_layers, tmp_path, capsys):
    words = own_model(own_layers, tmp_path / "model.keras")
    config = f"model:\n  _target_: {own_layers}.build\n"
    (tmp_path / "config.yaml").write_text(config)
    assert main([*words, "--out", "a"]) == 0
    (tmp_path / "config.yaml").write_text("model: [")
    sys.modules.pop(own_layers)
    assert main([*words, "--out", "a"]) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No module named 'own_layers_of_test'"),
        ("import sys; sys.exit('no script')", "your code called sys.exit('no script')"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
    ids=["missing", "exits", "fails"],
)
def test_a_run_is_attacked_without_its_module_where_that_is_not_needed(
    own_layers, saved, tmp_path, capsys, text, reason
):
    words = own_model(own_layers, tmp_path / "model.keras")
    config = f"model:\n  _target_: {own_layers}.build\n"
    (tmp_path / "config.yaml").write_text(config)
    module = tmp_path / f"{own_layers}.py"
    module.unlink() if text is None else module.write_text(text)
    importlib.invalidate_caches()
    # It has a layer of the module's: both reasons are told in one sentence.
    assert main([*words, "--out", "a"]) == 2
    error = capsys.readouterr().err
    assert "it uses the custom class 'Twice'" in error
    assert f"module {own_layers} cannot be imported: " in error
    assert reason in error
    assert error.count("\n") == 1
    # Another has layers of Keras alone.
    shutil.copy(saved, tmp_path / "model.keras")
    assert main([*words, "--out", "a"]) == 0
    assert main([*words, "--out", "b", "--import", own_layers]) == 2


def test_a_lambda_is_run_only_if_it_is_trusted(own_layers, tmp_path, capsys):
    words = own_model(own_layers, tmp_path / "m.keras", end="lambda")
    words += ["--import", own_layers]
    assert main([*words, "--out", "a"]) == 2
    assert "it contains a Python lambda" in capsys.readouterr().err
    assert main([*words, "--out", "a", "--trust"]) == 0


def test_a_model_that_cannot_be_rebuilt_is_assessed_without_a_surrogate(trained):
    class Needy(keras.layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(x)

    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, Needy(lambda z: z)(trained.model(inputs)))
    x, y = trained.data.x_test[:30], trained.data.y_test[:30]
    attacks = {"pgd": PGD(steps=2)}
    found = assess(model, x, y, attacks, [0.05], checks="full", split=trained.data)
    assert any("no surrogate can be built" in note for note in found.notes)
    assert found.scores.checks["transfer_not_better"].status == "not_run"
    assert found.scores.checks["more_iterations"].status != "not_run"


class Picky(keras.layers.Layer):
    """Fails on what it is told to: values, or being built."""

    def __init__(self, on_values):
        super().__init__()
        self.on_values = on_values

    def call(self, x):
        if not self.on_values or tf.executing_eagerly():
            raise RuntimeError("picky")
        return x


@pytest.mark.parametrize("on_values", [True, False])
def test_a_model_that_fails_on_the_inputs_is_told_in_one_sentence(on_values):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.picky, self.dense = Picky(on_values), keras.layers.Dense(3)

        def call(self, x):
            return self.dense(self.picky(x))

    words = "fails on" if on_values else "does not take"
    with pytest.raises(ValueError, match=f"{words} inputs of shape .*picky"):
        classifier(Own(), np.zeros((2, 5), np.float32))


def test_a_surrogate_of_probabilities_is_refused(trained):
    x, y = trained.data.x_test[:20], trained.data.y_test[:20]
    attack = Transfer(surrogate=with_softmax(trained.model, "layer"), epsilon=0.1)
    with pytest.raises(ValueError, match="the surrogate gives probabilities"):
        attack(trained.model, x, y)
