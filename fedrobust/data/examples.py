"""Conversion of a file's or a user's arrays to a checked data set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.split import Split
from fedrobust.errors import summary_of

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
FORMS = (
    "((x_train, y_train), (x_test, y_test)) as Keras gives it, the four arrays, a "
    "dictionary of them by name, or a Split"
)


def to_split(
    x_train: NDArray[Any],
    y_train: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    ids: NDArray[Any] | None,
    source: str,
    num_classes: int | None = None,
    declared: int | None = None,
    grey: bool = True,
) -> Split:
    """Return checked images and class numbers as a data set.

    Parameters
    ----------
    x_train, x_test
        (n, height, width), (n, height, width, channels) or any other (n, ...) images;
        uint8 from 0 to 255, floats in [0, 1] or Booleans.
    y_train, y_test
        (n,) or (n, 1) class numbers from 0, of any type.
    ids
        (n,) natural id of each training image, or None.
    source
        Origin of the arrays, for error messages.
    num_classes
        Number of classes; None means the largest class number plus 1.
    declared
        Number of classes that the user declared, so that class 0 may have no example.
    grey
        Whether (n, height, width) images are grey, and get a channel axis.

    Raises
    ------
    ValueError
        When an array has another shape, type or range.
    """
    if (x_train.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise ValueError(
            f"{source}: x_test has type {x_test.dtype} and x_train {x_train.dtype}: "
            "both must be uint8 or neither, or they are scaled differently"
        )
    images, labels = _examples(x_train, y_train, source, "train", grey)
    tests, answers = _examples(x_test, y_test, source, "test", grey)
    _require(
        tests.shape[1:] == images.shape[1:],
        f"{source}: x_test",
        tests,
        f"images of {images.shape[1:]}, as x_train",
    )
    if ids is not None:
        n = len(images)
        _require(ids.shape == (n,), f"{source}: ids_train", ids, f"({n},), as y_train")
    highest = int(max(labels.max(), answers.max()))
    if declared is None and num_classes != highest + 1:
        # A count of largest label + 1 may come wrongly from labels that start at 1.
        declared = num_classes
    _check_lowest(int(min(labels.min(), answers.min())), highest, declared, source)
    if num_classes is not None and highest >= num_classes:
        raise ValueError(
            f"{source}: num_classes={num_classes}: must be above the largest label, "
            f"{highest}"
        )
    return Split(images, labels, tests, answers, num_classes or highest + 1, ids)


def _check_lowest(lowest: int, highest: int, declared: int | None, source: str) -> None:
    """Raise ValueError if no label is 0, unless the number of classes explains it."""
    if lowest > 0 and (declared is None or (lowest == 1 and highest == declared)):
        raise ValueError(
            f"{source}: the labels begin at {lowest}: they must begin at 0, so "
            f"subtract {lowest}, or declare num_classes={highest + 1} if there are "
            "classes without an example"
        )


def split_of(value: Any, source: str, num_classes: int | None = None) -> Split:
    """Return a user's arrays as a checked data set.

    Parameters
    ----------
    value
        A ``Split``, ``((x_train, y_train), (x_test, y_test))``, the four arrays in this
        order, or a mapping of them by these names (and ``ids_train`` and
        ``class_names``). An array may be anything that NumPy can convert: a list, a
        pandas table, a tensor.
    source
        Origin of the arrays, for error messages.
    num_classes
        Number of classes that the user declares; needed if no label is 0.

    Raises
    ------
    ValueError
        When ``value`` has another form, or an array has wrong contents.
    """
    if isinstance(value, Split):
        named: dict[str, Any] = {name: getattr(value, name) for name in ARRAYS}
        ids, classes = value.ids_train, value.num_classes
        names = value.class_names
    else:
        named = _by_name(value, source)
        ids, classes = named.pop("ids_train", None), None
        names = named.pop("class_names", None)
    arrays = {name: _array(given, f"{source}: {name}") for name, given in named.items()}
    if ids is not None:
        ids = _array(ids, f"{source}: ids_train")
    split = to_split(
        **arrays,
        ids=ids,
        source=source,
        num_classes=classes,
        declared=num_classes,
        grey=not isinstance(value, Split),
    )
    return replace(split, class_names=_names(names, split.num_classes, source))


def _names(given: Any, num_classes: int, source: str) -> list[str] | None:
    if given is None:
        return None
    names = [str(name) for name in given]
    if len(names) != num_classes:
        raise ValueError(
            f"{source}: class_names has {len(names)} names: must be {num_classes}, one "
            "for each class"
        )
    return names


def _by_name(value: Any, source: str) -> dict[str, Any]:
    if isinstance(value, Mapping) and set(ARRAYS) <= set(value):
        known = (*ARRAYS, "ids_train", "class_names")
        return {name: value[name] for name in known if name in value}
    parts = list(value) if isinstance(value, tuple | list) else []
    if len(parts) == 2 and all(_is_pair(part) for part in parts):
        parts = [*parts[0], *parts[1]]
    if len(parts) != len(ARRAYS):
        raise ValueError(f"{source} gives {_kind(value)}: must give {FORMS}")
    return dict(zip(ARRAYS, parts, strict=True))


def _is_pair(part: Any) -> bool:
    return isinstance(part, Sequence) and len(part) == 2


def _array(value: Any, name: str) -> NDArray[Any]:
    """Return anything that NumPy can convert as an array."""
    try:
        array = np.asarray(value)
    except Exception as error:
        # A user's object may raise anything when it is converted.
        raise ValueError(f"{name} is not an array: {summary_of(error)}") from error
    if array.dtype == object:
        raise ValueError(
            f"{name} is {_kind(value)} without numbers of one type and shape: give it "
            "as a NumPy array"
        )
    return array


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _require(condition: bool, name: str, array: NDArray[Any], bound: str) -> None:
    """Raise ValueError for an array of the wrong shape."""
    if not condition:
        raise ValueError(f"{name} has shape {array.shape}: must be {bound}")


def _examples(
    x: NDArray[Any], y: NDArray[Any], source: str, part: str, grey: bool
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the checked images and labels of a part, ``train`` or ``test``."""
    images = _to_unit_images(x, f"{source}: x_{part}", grey)
    labels = to_labels(y, f"{source}: y_{part}")
    n = len(images)
    _require(len(labels) == n, f"{source}: y_{part}", labels, f"({n},), as x_{part}")
    return images, labels


def to_labels(y: NDArray[Any], name: str) -> NDArray[np.int32]:
    """Return (n,) or (n, 1) class numbers as (n,) int32.

    Raises
    ------
    ValueError
        When the shape is another, or a value is not a whole number of at least 0.
    """
    is_column = y.ndim == 1 or y.shape[1:] == (1,)
    _require(
        is_column and len(y) > 0,
        name,
        y,
        "(n,) or (n, 1), the number of each image's class (for one-hot labels, their "
        "argmax)",
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


def _to_unit_images(x: NDArray[Any], name: str, grey: bool) -> NDArray[np.float32]:
    """Return images scaled to [0, 1]; grey ones get a channel axis."""
    _require(x.ndim >= 2 and len(x) > 0, name, x, "(n, height, width, ...), n >= 1")
    x = x[..., None] if grey and x.ndim == 3 else x
    if x.dtype == np.uint8:
        return (x / np.float32(255)).astype(np.float32)
    if x.dtype.kind not in "bf":
        raise ValueError(
            f"{name} has type {x.dtype}: must be uint8, 0 to 255, or floats in [0, 1]"
        )
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        # NaN fails every comparison.
        low, high = x.min(), x.max()
        wrong = low if not low >= 0 else high
        pixels = low >= 0 and 1 < high <= 255
        advice = "divide by 255" if pixels else "scale or clip the values"
        raise ValueError(
            f"{name} holds {wrong:g}: must be in [0, 1], where epsilon is measured: "
            f"{advice}"
        )
    return x.astype(np.float32, copy=False)
