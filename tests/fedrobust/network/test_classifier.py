"""Any Keras classifier is attacked, and what cannot be is told in one sentence."""

import importlib
import json
import shutil
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD, Transfer
from fedrobust.backend import keras, tf
from fedrobust.cli import main
from fedrobust.evaluation.assessment import assess
from fedrobust.network.classifier import classifier, load_model
from fedrobust.network.keras_errors import cause_of
from fedrobust.report.pictures import image_shape
from tests.own_hooks import dual_model


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m.keras"
    trained.model.save(path)
    return path


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
def test_a_softmax_is_seen_and_the_numbers_are_those_of_logits(trained, how):
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


def test_inputs_are_reshaped_and_scaled_with_a_word(trained):
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


def test_what_is_no_classifier_of_these_is_told(trained):
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


def test_the_command_attacks_a_file(saved, tmp_path, capsys):
    arguments = ["attack", "--model", str(saved), "attack=[fgsm,pgd]",
                 "attack.epsilon=[0.05,0.1]", "--samples", "60", "--out",
                 str(tmp_path / "out"), "--save", "--picture"]  # fmt: skip
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "fgsm" in printed
    assert "not_run" in printed
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["num_evaluated"] == 60
    assert result["choices"]["attack"] == "fgsm+pgd"
    assert set(result["robust_accuracy"]["pgd"]) == {"0.05", "0.1"}
    # Every attack begins at every epsilon with what the model gets right.
    assert [(stage["stage"], stage["epsilon"]) for stage in result["stages"]] == [
        ("FGSM", 0.05), ("FGSM", 0.1), ("PGD", 0.05), ("PGD", 0.1),
    ]  # fmt: skip
    right = {round(60 * result["clean_accuracy"])}
    assert {stage["standing"] for stage in result["stages"]} == right
    worst = result["worst_robust_accuracy"]["0.1"]
    assert worst <= min(c["0.1"] for c in result["robust_accuracy"].values())
    assert result["checks"]["within_ball"]["status"] == "pass"
    assert result["checks"]["restarts"]["status"] == "not_run"
    kept = np.load(tmp_path / "out" / "adversarial.npz")
    assert np.abs(kept["pgd_0.1"].astype(np.float64) - kept["x"]).max() <= 0.1
    assert (tmp_path / "out" / "adversarial.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attack=pgd"], "--model"),
        (["--model", "nowhere.keras", "attack=pgd"], "there is no such file"),
        (["--model", "{saved}"], "say which attack"),
        (["--model", "{saved}", "attack=pgdd"], "'pgd'"),
        (["--model", "{saved}", "attack=pgd", "strategy=krum"], "has no effect"),
        (["--model", "{saved}", "attack=pgd", "attack.epsilon=-1"], "at least 0"),
        (["--model", "{saved}", "attack=pgd", "attack.epsilon=x"], "8/255"),
        (["--model", "{saved}", "attack=cw_l2", "attack.norm=linf"], "norm"),
        (["--model", "{saved}", "attack=pgd", "checks=some"], "fast, full or none"),
        (["--model", "{saved}", "attack=pgd", "--samples", "0"], "at least 1"),
        (["--model", "{broken}", "attack=pgd"], "cannot be read as a Keras model"),
    ],
)
def test_a_mistake_is_one_sentence(saved, tmp_path, capsys, arguments, message):
    broken = tmp_path / "broken.keras"
    broken.write_text("no model")
    words = [a.format(saved=saved, broken=broken) for a in arguments]
    words += ["--out", str(tmp_path / "out")]
    assert main(["attack", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_take_the_result_is_refused_before_the_attack(
    saved, tmp_path, capsys, monkeypatch
):
    words = ["attack", "--model", str(saved), "attack=fgsm", "--samples", "5"]
    out = tmp_path / "out"
    assert main([*words, "--out", str(out)]) == 0
    assert main([*words, "--out", str(out)]) == 0, "the same again is no conflict"
    there = (out / "result.json").read_bytes()
    monkeypatch.setattr(
        "fedrobust.evaluation.assessment.assess", None
    )  # nobody gets that far
    file = tmp_path / "file"
    file.write_text("")
    for folder, seed, message in (
        (file, 0, "cannot be written"),
        (out, 1, "is of something else: choose another --out"),
    ):
        capsys.readouterr()
        assert main([*words, f"seed={seed}", "--out", str(folder)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "--out" in error
    assert (out / "result.json").read_bytes() == there


def data_of(folder, monkeypatch, shape):
    """Keep 20 inputs of a shape as a data set named cifar10."""
    x = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
    y = np.arange(20) % 10
    np.savez(folder / "cifar10.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    monkeypatch.setenv("FEDROBUST_DATA", str(folder))


def test_flat_inputs_are_drawn_in_the_shape_of_the_images(tmp_path, monkeypatch):
    data_of(tmp_path, monkeypatch, (32, 32, 3))
    model = keras.Sequential([keras.Input((3072,)), keras.layers.Dense(10)])
    model.save(tmp_path / "flat.keras")
    drawn = []
    monkeypatch.setattr(
        "matplotlib.axes.Axes.imshow", lambda self, image, **_: drawn.append(image)
    )
    words = ["--model", str(tmp_path / "flat.keras"), "--dataset", "cifar10"]
    words += ["attack=fgsm", "--picture", "--out", str(tmp_path / "out")]
    assert main(["attack", *words]) == 0
    with np.load(tmp_path / "cifar10.npz") as file:
        # A line of clean images, one a class, and one of what became of them.
        np.testing.assert_allclose(drawn[:10], file["x_test"][:10] / 255, atol=1e-6)
    assert {image.shape for image in drawn[10:]} == {(32, 32, 3)}


def test_where_nothing_is_right_the_examples_are_kept_as_they_are(trained):
    x = trained.data.x_test[:20]
    answers = assess(trained.model, x, trained.data.y_test[:20], {}, [0.1]).answers
    y = ((answers + 1) % 10).astype(np.int32)
    found = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.1])
    assert found.scores.clean == 0
    assert list(found.adversarial) == [("fgsm", "0.1")]
    np.testing.assert_array_equal(found.adversarial["fgsm", "0.1"], found.x)
    np.testing.assert_array_equal(found.attacked_answers["fgsm", "0.1"], answers)


def test_what_is_no_image_is_told_before_the_attack(tmp_path, monkeypatch, capsys):
    data_of(tmp_path, monkeypatch, (20,))
    monkeypatch.setattr(
        "fedrobust.evaluation.assessment.assess", None
    )  # nobody gets that far
    (tmp_path / "m.keras").touch()
    words = ["--model", str(tmp_path / "m.keras"), "--dataset", "cifar10"]
    words += ["dataset.input_shape=[20]", "attack=fgsm", "--picture"]
    assert main(["attack", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "--picture: inputs of shape (20,) are no images" in error


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((784,), (28, 28)), ((8, 8, 1), (8, 8)), ((8, 9), (8, 9)), ((8, 9, 3), (8, 9, 3))],
)
def test_the_shape_in_which_an_input_is_drawn(shape, drawn):
    assert image_shape(shape) == drawn


def test_examples_that_cannot_be_written_are_told(saved, tmp_path, capsys):
    (tmp_path / "adversarial.npz").mkdir()
    words = ["attack", "--model", str(saved), "attack=fgsm", "--samples", "5"]
    assert main([*words, "--save", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{tmp_path} cannot be written" in error
    assert "choose another --out" in error


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


def test_a_layer_of_somebodys_own_is_named_and_imported(own_layers, tmp_path, capsys):
    words = own_model(own_layers, tmp_path / "m.keras")
    assert main([*words, "--out", "a"]) == 2
    error = capsys.readouterr().err
    assert "it holds the class 'Twice' of somebody's own" in error
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
    assert "it holds the class 'Twice'" in error
    assert f"module {own_layers} cannot be imported: " in error
    assert reason in error
    assert error.count("\n") == 1
    # Another has layers of Keras alone.
    shutil.copy(saved, tmp_path / "model.keras")
    assert main([*words, "--out", "a"]) == 0
    assert main([*words, "--out", "b", "--import", own_layers]) == 2


def test_a_lambda_is_run_only_for_those_who_trust_it(own_layers, tmp_path, capsys):
    words = own_model(own_layers, tmp_path / "m.keras", end="lambda")
    words += ["--import", own_layers]
    assert main([*words, "--out", "a"]) == 2
    assert "it holds a Python lambda" in capsys.readouterr().err
    assert main([*words, "--out", "a", "--trust"]) == 0


def test_what_is_said_of_a_file_is_the_cause_that_keras_puts_last():
    def said(message):
        return cause_of(ValueError(message))

    dump = f"could not be deserialized. config={'x' * 900} Exception encountered: "
    assert said(dump + "bad units") == "bad units"
    assert said(dump + dump + "bad  units\n") == "bad units"
    call = "Exception encountered when calling A.call().\n\n\x1b[1mpicky\x1b[0m\n\n"
    assert said(call + "Arguments received by A.call():\n x=Tensor") == "picky"
    long = said(dump + "y" * 900 + " the end")
    assert long.endswith("y the end")
    assert len(long) < 320
    assert said("File format not supported: " + "z" * 900).startswith("File format")
    known = "Could not locate class 'A'. Full object config: {'module': 'b.c', "
    assert said(known + "'class_name': 'A'}").endswith("--import b.c")
    assert said("Could not locate function 'f'. No dump").endswith("MODULE")


def test_a_model_that_cannot_be_built_anew_is_assessed_without_a_surrogate(trained):
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


def test_names_are_shown_as_they_are(capsys):
    from fedrobust.commands.attack_view import AttackProgress, print_scores

    name = "a[/x] [red]b[/red]"
    curve = {"0.1": 0.25}
    check = SimpleNamespace(status="fail", figure=0.5, meaning="of [/x] and [bold]")
    scores = SimpleNamespace(
        clean=0.75,
        robust={name: curve},
        worst=curve,
        checks={"of [/x]": check},
        num_examples=4,
    )
    with AttackProgress(4) as watch:
        watch._bar.console.print(watch._bar)
        watch(name, 0.1, 1, 4)
    print_scores(scores)
    out, err = capsys.readouterr()
    assert f"{name} at ε=0.1: 4 of 4" in err
    assert f" {name} " in out
    assert "fail    of [/x]: 0.5 (of [/x] and [bold])" in out


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"[" * 10**5])
def test_a_torn_result_is_not_written_over(saved, tmp_path, capsys, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.json").write_bytes(content)
    words = ["attack", "--model", str(saved), "attack=fgsm", "--out", str(out)]
    assert main(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"fedrobust: {out / 'result.json'} ")
    assert told.endswith("; choose another --out")
    assert (out / "result.json").read_bytes() == content


def test_a_file_from_before_the_layer_moved_is_read(tmp_path):
    model = dual_model("float32")
    new, old = tmp_path / "new.keras", tmp_path / "old.keras"
    model.save(new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                data = data.replace(
                    b"fedrobust.network.dual_norm", b"fedrobust.dual_norm"
                )
                assert b"fedrobust.dual_norm" in data
            target.writestr(name, data)
    for a, b in zip(model.get_weights(), load_model(old).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
