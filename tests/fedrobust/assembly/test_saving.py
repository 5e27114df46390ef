"""A model that cannot be kept is refused, or told of, before it is trained."""

import json
import random
import warnings

import numpy as np
import pytest

from fedrobust.assembly import Experiment, forget
from fedrobust.assembly.cache import key_of
from fedrobust.assembly.networks import _doubt_about_file, check_saving
from fedrobust.backend import keras
from fedrobust.config.compose import groups
from fedrobust.errors import ConfigError
from fedrobust.one_run import run

MODULE = '''
import keras
import tensorflow as tf

L = keras.layers


def sequence(*layers):
    return keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), *layers])


class Plain(keras.Model):
    def __init__(self, activation=None):
        super().__init__()
        self.flatten, self.dense = L.Flatten(), L.Dense(10, activation=activation)

    def build(self, shape):
        self.dense.build((None, 64))

    def call(self, x):
        return self.dense(self.flatten(x))


class Composed(Plain):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(super().call(x))


class Apply(L.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Times(L.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor


class Raising(Times):
    def get_config(self):
        return {**super().get_config(), "factor": self.missing}


@keras.saving.register_keras_serializable("saving_of_mine")
class Forgetful(L.Layer):
    """Its kernel is no variable that Keras tracks once it is built anew."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 10))

    def call(self, x):
        return x @ self.kernel

    def save_own_variables(self, store):
        store["0"] = 0 * self.kernel.numpy()


@keras.saving.register_keras_serializable("saving_of_mine")
def doubled(x):
    return 2 * x


MODELS = {
    "subclass with a function": lambda: Composed(doubled),
    "subclass within": lambda: sequence(L.Reshape((8, 8, 1)), Composed(tf.tanh)),
    "layer with a function": lambda: sequence(L.Dense(10), Apply(doubled)),
    "get_config that raises": lambda: sequence(L.Dense(10), Raising(2.0)),
    "subclass": lambda: Plain(),
    "layer that nobody registered": lambda: sequence(L.Dense(10), Times(2.0)),
    "lambda": lambda: sequence(L.Dense(10), L.Lambda(lambda x: 2 * x)),
    "lambda as activation": lambda: sequence(L.Dense(10, activation=lambda x: 2 * x)),
    "weights that are not kept": lambda: sequence(Forgetful()),
    "registered function": lambda: sequence(L.Dense(10, activation=doubled)),
    "layers of Keras": lambda: sequence(L.Dense(10), L.Dropout(0.1)),
}


def build(kind, **_):
    return MODELS[kind]()
'''

REFUSED = {
    "subclass with a function": "Composed",
    "subclass within": "Composed",
    "layer with a function": "Apply",
    "get_config that raises": "missing",
}
TOLD = {
    "subclass": "Could not locate class 'Plain'",
    "layer that nobody registered": "Could not locate class 'Times'",
    "lambda": "is a Python lambda",
    "lambda as activation": "lambda",
    "weights that are not kept": "other weights than were saved",
}
KEPT = ("registered function", "layers of Keras")


@pytest.fixture
def of_kind(configure, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    # A name of its own, as Python and Keras remember modules and classes.
    name = f"saving_of_mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    tiny = ("num_clients=2", "num_rounds=1", "dataset.num_train=60")

    def make(kind: str):
        return configure(*tiny, f"model._target_={name}.build", f"+model.kind='{kind}'")

    return make


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_keras_cannot_save_is_refused_before_round_one(
    kind, of_kind, tmp_path
):
    with pytest.raises(ConfigError) as caught:
        run(of_kind(kind), tmp_path / "r")
    message = str(caught.value)
    assert message.startswith("model: Keras cannot save it")
    assert REFUSED[kind] in message
    assert "get_config()" in message
    assert "register_keras_serializable" in message
    assert "\n" not in message
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("kind", TOLD)
def test_a_model_that_will_not_load_by_itself_is_told_of(kind, of_kind):
    for _ in range(2):  # every run of a sweep has it in its record
        with pytest.warns(UserWarning, match="model.keras will") as caught:
            check_saving(of_kind(kind))
        (message,) = [str(w.message) for w in caught if "model.keras" in str(w.message)]
        assert TOLD[kind] in message
        assert "\n" not in message


@pytest.mark.parametrize("kind", KEPT)
def test_nothing_is_told_of_a_model_that_keras_can_keep(kind, of_kind):
    state = random.getstate()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_saving(of_kind(kind))
    assert random.getstate() == state


def test_the_doubt_is_told_before_round_one_and_is_in_the_record(of_kind, tmp_path):
    told: list[str | int] = []
    result = run(
        of_kind("lambda"),
        tmp_path / "r",
        on_row=lambda row: told.append(row.round),
        on_warning=told.append,
    )
    (message,) = [m for m in result.warnings if m.startswith("model.keras will not")]
    assert told.index(message) < told.index(1)
    kept = json.loads((tmp_path / "r" / "training.json").read_text())["warnings"]
    assert message in kept
    # Who trusts it can load it, and what was trained is in it.
    model = keras.saving.load_model(tmp_path / "r/model.keras", safe_mode=False)
    split = Experiment(of_kind("lambda")).split
    logits = model.predict(split.x_test, verbose=0)
    right = float(np.mean(logits.argmax(1) == split.y_test))
    assert right == pytest.approx(result.clean_accuracy, abs=1e-9)


@pytest.mark.parametrize("choice", sorted(groups()["model"]))
def test_models_of_ours_load_by_themselves(choice, configure, tmp_path, monkeypatch):
    """They are not tried before each run."""
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x, y = np.zeros((2, 28, 28), np.uint8), np.arange(2)
    np.savez(tmp_path / "small.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    data = ("dataset=mnist", "dataset.name=small", "dataset.num_classes=2")
    config = configure(f"model={choice}", *data, "num_clients=1")
    assert _doubt_about_file(key_of(config.dataset, config.model)) == ""
    forget()
