"""Data sets of a user's own: what is clear is taken, all else is one sentence."""

import numpy as np
import pandas as pd
import pytest

from fedrobust.assembly import Experiment
from fedrobust.backend import tf
from fedrobust.data import Dataset, Split
from fedrobust.data.examples import split_of
from fedrobust.errors import ConfigError
from fedrobust.run import run
from tests.own_data import table

(X, Y), (X_TEST, Y_TEST) = table()
IMAGES = np.arange(48 * 6, dtype=np.uint8).reshape(48, 2, 3)
TESTS = IMAGES[:12]


def given(x=X, y=Y, x_test=X_TEST, y_test=Y_TEST):
    return split_of(((x, y), (x_test, y_test)), "mine.load")


@pytest.mark.parametrize(
    "value",
    [
        ((X, Y), (X_TEST, Y_TEST)),
        [[X, Y], [X_TEST, Y_TEST]],
        (X, Y, X_TEST, Y_TEST),
        {"x_train": X, "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST, "more": 1},
        Split(X, Y, X_TEST, Y_TEST, 3),
        ((X.tolist(), Y.tolist()), (X_TEST.tolist(), Y_TEST.tolist())),
        ((pd.DataFrame(X), pd.Series(Y)), (pd.DataFrame(X_TEST), pd.Series(Y_TEST))),
        ((tf.constant(X), tf.constant(Y)), (X_TEST, Y_TEST)),
        ((X, Y[:, None]), (X_TEST, Y_TEST[:, None])),
        ((X, Y.astype(float)), (X_TEST, Y_TEST.astype(np.uint8))),
    ],
    ids=[
        *("keras", "lists", "four", "mapping", "split", "numbers", "pandas"),
        *("tensors", "column", "types"),
    ],
)
def test_every_clear_form_is_one_data_set(value):
    split = split_of(value, "mine.load")
    np.testing.assert_array_equal(split.x_train, X.astype(np.float32))
    assert split.y_train.tolist() == Y.tolist()
    assert (split.x_train.dtype, split.y_train.dtype) == (np.float32, np.int32)
    assert (len(split.x_test), split.num_classes) == (12, 3)
    assert split.digest == given().digest


def test_bytes_are_scaled_and_grey_images_get_a_channel():
    split = given(x=IMAGES, x_test=TESTS)
    assert split.x_train.shape == (48, 2, 3, 1)
    assert split.x_train[0, 0, :, 0].tolist() == [
        0,
        np.float32(1 / 255),
        np.float32(2 / 255),
    ]
    masks = given(x=IMAGES > 9, x_test=TESTS > 9)
    assert set(np.unique(masks.x_train)) == {0, 1}
    same = given(x=IMAGES / np.float32(255), x_test=TESTS / np.float32(255))
    assert same.digest == split.digest


def test_a_split_keeps_its_shape():
    sequences = IMAGES / np.float32(255)
    split = split_of(Split(sequences, Y, sequences[:12], Y_TEST, 5), "mine.load")
    assert split.x_train.shape == (48, 2, 3)
    assert split.num_classes == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"y": Y + 1, "y_test": Y_TEST + 1}, "begin at 1: they must begin at 0"),
        ({"y": np.eye(3)[Y]}, r"y_train has shape \(48, 3\): .*their argmax"),
        ({"y": Y / 2}, "y_train holds 0.5: must be whole numbers"),
        ({"y": Y.astype(str)}, "y_train has type <U.*must be whole numbers"),
        ({"y": Y[:9]}, r"y_train has shape \(9,\): must be \(48,\), as x_train"),
        ({"y": [], "x": X[:0]}, r"x_train has shape \(0, 4\)"),
        ({"x": X * 255}, r"x_train holds 2.*: must be in \[0, 1\].*divide by 255"),
        ({"x": X - 0.5}, r"x_train holds -0.*: must be in \[0, 1\].*scale or clip"),
        ({"x_test": np.full((12, 4), np.nan)}, "x_test holds nan: must be in"),
        ({"x_test": np.full((12, 4), np.inf)}, "x_test holds inf: must be in"),
        ({"x": (X * 9).astype(int)}, "x_train has type int64: must be uint8"),
        ({"x": X + 0j}, "x_train has type complex128: must be uint8"),
        ({"x": IMAGES.reshape(48, 6)[:, :4]}, "x_train uint8: both must be uint8"),
        ({"x": X[:, 0]}, r"x_train has shape \(48,\)"),
        ({"x_test": X_TEST[:, :3]}, r"x_test has shape \(12, 3\): must be images of"),
        ({"x": [[1, 2], [3]]}, "x_train is not an array"),
        ({"x": None}, "x_train is NoneType without numbers"),
        ({"x": np.array([object()] * 48)}, "x_train is numpy.ndarray without numbers"),
    ],
)  # fmt: skip
def test_an_object_that_is_not_a_data_set_is_refused_in_one_sentence(change, told):
    with pytest.raises(ValueError, match=rf"^mine\.load: .*{told}") as error:
        given(**change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        (X, Y),
        ((X, Y), (X, Y), (X, Y)),
        {"train": X},
        tf.data.Dataset.from_tensor_slices((X, Y)),
        (tf.data.Dataset.from_tensor_slices((X, Y)),) * 2,
    ],
    ids=["nothing", "a pair", "three", "names", "tf.data", "two tf.data"],
)
def test_another_form_of_data_is_refused_with_a_list_of_the_valid_ones(value):
    with pytest.raises(ValueError, match=r"^mine\.load gives .*as Keras gives it"):
        split_of(value, "mine.load")


def test_a_split_that_declares_too_few_classes_is_refused():
    with pytest.raises(ValueError, match="num_classes=2: must be above the largest"):
        split_of(Split(X, Y, X_TEST, Y_TEST, 2), "mine.load")


class Mine(Dataset):
    """A class of one's own, as docs/how-to/own-dataset.md has it."""

    def read(self):
        return (X, Y), (X_TEST, Y_TEST)


def test_a_custom_data_set_class_only_needs_read():
    split = Mine(num_train=10, num_classes=3).load()
    assert (len(split.x_train), len(split.x_test)) == (10, 12)
    with pytest.raises(ValueError, match=r"input_shape=\[5\]: must be \[4\]"):
        Mine(input_shape=[5]).load()


@pytest.fixture
def own(configure, tmp_path):
    """A configuration with a data set of a user's own in a file of their own."""

    def make(target, *overrides):
        (tmp_path / "dataset").mkdir(exist_ok=True)
        (tmp_path / "dataset" / "mine.yaml").write_text(
            f"_target_: {target}\ninput_shape: [4]\nnum_classes: 3\nnum_train: null\n"
            "mean: null\nstd: null\nepsilon: 0.1\n"
        )
        from fedrobust.config import load_config
        from fedrobust.config.compose import compose_run

        overrides = ("dataset=mine", "num_clients=2", "num_rounds=1", *overrides)
        return load_config(compose_run(overrides, str(tmp_path)))

    return make


@pytest.mark.parametrize("name", ["table", "anything", "Loader"])
def test_keys_that_a_function_does_not_take_are_applied_to_what_it_gives(own, name):
    config = own(f"tests.own_data.{name}", "dataset.num_train=30")
    split = Experiment(config).split
    np.testing.assert_array_equal(split.x_train, X[:30].astype(np.float32))


def test_keys_that_a_function_takes_are_its_own(own):
    config = own("tests.own_data.short", "dataset.num_train=7")
    assert len(Experiment(config).split.x_train) == 7


@pytest.mark.parametrize(("target", "seed"), [("dataset", 0), ("seeded", 1)])
def test_keys_are_applied_to_a_data_set_that_a_function_returns(own, target, seed):
    (x, _), (x_test, _) = table(seed)
    config = own(
        f"tests.own_data.{target}", "dataset.num_train=7",
        "dataset.mean=[0.5]", "dataset.std=[2.0]",
    )  # fmt: skip
    split = Experiment(config).split
    np.testing.assert_array_equal(split.x_train, x[:7].astype(np.float32))
    np.testing.assert_array_equal(split.x_test, x_test.astype(np.float32))


@pytest.mark.parametrize("target", ["dataset", "seeded"])
def test_keys_at_their_defaults_leave_what_a_function_chose(own, target):
    config = own(f"tests.own_data.{target}", "dataset.num_train=null")
    assert len(Experiment(config).split.x_train) == 20


@pytest.mark.parametrize(
    ("target", "override", "told"),
    [
        ("tests.own_data.dataset", "dataset.num_train=49", "num_train=49: must be in"),
        ("tests.own_data.dataset", "dataset.num_classes=4", "num_classes=4: must be 3"),
        ("tests.own_data.dataset", "dataset.input_shape=[5]", r"input_shape=\[5\]: m"),
        ("tests.own_data.table", "dataset.num_train=49", "num_train=49: must be in"),
        ("tests.own_data.table", "dataset.num_classes=4", "num_classes=4: must be 3"),
        ("tests.own_data.broken", "seed=0", "cannot make tests.own_data.broken"),
        ("builtins.list", "seed=0", "builtins.list gives list: must give"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_custom_data_set_is_reported(own, target, override, told):
    with pytest.raises(ConfigError, match=f"^dataset: .*{told}"):
        _ = Experiment(own(target, override)).split


def test_a_custom_table_is_trained_and_attacked(own, tmp_path):
    config = own("tests.own_data.table", "attack=fgsm", "training.local_epochs=30")
    result = run(config, tmp_path / "run")
    assert result.clean_accuracy > 0.6
    assert result.num_evaluated == 12
