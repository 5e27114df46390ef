"""Arrays of a file as a data set: what they hold is checked, as it may be anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.dataset import Split


def to_split(
    x_train: NDArray[Any],
    y_train: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    ids: NDArray[Any] | None,
    source: str,
) -> Split:
    """Make a data set of uint8 images and their class numbers.

    Parameters
    ----------
    x_train, x_test
        (n, height, width) or (n, height, width, channels) of 0 to 255.
    y_train, y_test
        (n,) or (n, 1) class numbers from 0, of any type.
    ids
        (n,) natural id of each training image, if there are any.
    source
        Where the arrays are from, for the message of an error.

    Raises
    ------
    ValueError
        When an array is something else.
    """
    images, labels = _examples(x_train, y_train, source, "train")
    tests, answers = _examples(x_test, y_test, source, "test")
    _require(
        tests.shape[1:] == images.shape[1:],
        f"{source}: x_test",
        tests,
        f"images of {images.shape[1:]}, as x_train",
    )
    if ids is not None:
        n = len(images)
        _require(ids.shape == (n,), f"{source}: ids_train", ids, f"({n},), as y_train")
    classes = int(max(labels.max(), answers.max())) + 1
    return Split(images, labels, tests, answers, classes, ids)


def _require(condition: bool, name: str, array: NDArray[Any], bound: str) -> None:
    """Refuse an array that says something else than images and their labels."""
    if not condition:
        raise ValueError(f"{name} has shape {array.shape}: must be {bound}")


def _examples(
    x: NDArray[Any], y: NDArray[Any], source: str, part: str
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give the images and labels of a part, train or test; ValueError for others."""
    images = _to_unit_images(x, f"{source}: x_{part}")
    labels = to_labels(y, f"{source}: y_{part}")
    n = len(images)
    _require(len(labels) == n, f"{source}: y_{part}", labels, f"({n},), as x_{part}")
    return images, labels


def to_labels(y: NDArray[Any], name: str) -> NDArray[np.int32]:
    """Give (n,) or (n, 1) class numbers as (n,)."""
    is_column = y.ndim == 1 or y.shape[1:] == (1,)
    _require(
        is_column and len(y) > 0,
        name,
        y,
        "(n,) or (n, 1), the number of each image's class",
    )
    y = y.reshape(-1)
    if y.dtype.kind not in "buif":
        raise ValueError(f"{name} has type {y.dtype}: must be whole numbers")
    with np.errstate(invalid="ignore"):
        labels = y.astype(np.int32)
    wrong = y[(labels != y) | (labels < 0)]
    if wrong.size:
        raise ValueError(f"{name} holds {wrong[0]}: must be whole numbers, at least 0")
    return labels


def _to_unit_images(x: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Scale uint8 images to [0, 1] and give grey ones a channel."""
    if x.dtype != np.uint8:
        raise ValueError(f"{name} has type {x.dtype}: images must be uint8")
    _require(x.ndim >= 2 and len(x) > 0, name, x, "(n, height, width, ...), n >= 1")
    x = x[..., None] if x.ndim == 3 else x
    return (x / np.float32(255)).astype(np.float32)
