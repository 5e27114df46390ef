"""Arrays of a file or a user as a checked data set: what is clear is taken."""

import numpy as np
import pandas as pd
import pytest

from fedrobust.backend import tf
from fedrobust.data import Split
from fedrobust.data.examples import split_of
from tests.fedrobust.data.arrays import X_TEST, Y_TEST, X, Y

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


def test_names_of_classes_are_kept_and_counted():
    named = Split(X, Y, X_TEST, Y_TEST, 3, class_names=("cat", "a|b", 7))
    assert split_of(named, "mine.load").class_names == ["cat", "a|b", "7"]
    mapping = {"x_train": X, "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST}
    mapping["class_names"] = np.array(["cat", "dog", "owl"])
    assert split_of(mapping, "mine.load").class_names == ["cat", "dog", "owl"]
    assert given().class_names is None
    assert split_of(named, "mine.load").digest == given().digest
    few = Split(X, Y, X_TEST, Y_TEST, 3, class_names=("cat",))
    with pytest.raises(ValueError, match=r"class_names has 1 names: must be 3"):
        split_of(few, "mine.load")
