"""Arrays of a file or a user as a data set: what they hold is checked."""

from collections.abc import Mapping, Sequence
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
    """Check images and their class numbers, and make a data set of them.

    Parameters
    ----------
    x_train, x_test
        (n, height, width), (n, height, width, channels) or any other (n, ...): uint8 of
        0 to 255, floats in [0, 1] or Booleans, all alike.
    y_train, y_test
        (n,) or (n, 1) class numbers from 0, of any type.
    ids
        (n,) natural id of each training image, if there are any.
    source
        Where the arrays are from, for the message of an error.
    num_classes
        How many classes there are; None: the largest class number and one.
    declared
        How many there are by the user's word, so that the first may have no example.
    grey
        Whether (n, height, width) are grey images, which get a channel.

    Raises
    ------
    ValueError
        When an array is something else.
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
        # One above the largest label may have been computed from labels from 1.
        declared = num_classes
    _check_lowest(int(min(labels.min(), answers.min())), highest, declared, source)
    if num_classes is not None and highest >= num_classes:
        raise ValueError(
            f"{source}: num_classes={num_classes}: must be above the largest label, "
            f"{highest}"
        )
    return Split(images, labels, tests, answers, num_classes or highest + 1, ids)


def _check_lowest(lowest: int, highest: int, declared: int | None, source: str) -> None:
    """Refuse labels above 0 alone, unless the number of classes explains them."""
    if lowest > 0 and (declared is None or (lowest == 1 and highest == declared)):
        raise ValueError(
            f"{source}: the labels begin at {lowest}: they must begin at 0, so "
            f"subtract {lowest}, or declare num_classes={highest + 1} if there are "
            "classes without an example"
        )


def split_of(value: Any, source: str, num_classes: int | None = None) -> Split:
    """Check the arrays that a user gives, and make a data set of them.

    Parameters
    ----------
    value
        A ``Split``, ``((x_train, y_train), (x_test, y_test))``, the four arrays in this
        order, or a mapping of them by these names (and ``ids_train``). An array may be
        whatever NumPy makes one of: a list, a table of pandas, a tensor.
    source
        Who gave it, for the message of an error.
    num_classes
        How many classes the user declares; labels from above 0 need it.

    Raises
    ------
    ValueError
        When it is something else, or an array does not hold what it should.
    """
    if isinstance(value, Split):
        named: dict[str, Any] = {name: getattr(value, name) for name in ARRAYS}
        ids, classes = value.ids_train, value.num_classes
    else:
        named = _by_name(value, source)
        ids, classes = named.pop("ids_train", None), None
    arrays = {name: _array(given, f"{source}: {name}") for name, given in named.items()}
    if ids is not None:
        ids = _array(ids, f"{source}: ids_train")
    return to_split(
        **arrays,
        ids=ids,
        source=source,
        num_classes=classes,
        declared=num_classes,
        grey=not isinstance(value, Split),
    )


def _by_name(value: Any, source: str) -> dict[str, Any]:
    if isinstance(value, Mapping) and set(ARRAYS) <= set(value):
        return {name: value[name] for name in (*ARRAYS, "ids_train") if name in value}
    parts = list(value) if isinstance(value, tuple | list) else []
    if len(parts) == 2 and all(_is_pair(part) for part in parts):
        parts = [*parts[0], *parts[1]]
    if len(parts) != len(ARRAYS):
        raise ValueError(f"{source} gives {_kind(value)}: must give {FORMS}")
    return dict(zip(ARRAYS, parts, strict=True))


def _is_pair(part: Any) -> bool:
    return isinstance(part, Sequence) and len(part) == 2


def _array(value: Any, name: str) -> NDArray[Any]:
    """Convert whatever NumPy can convert to an array."""
    try:
        array = np.asarray(value)
    except Exception as error:
        # Whatever a user's object raises when it is asked for its values.
        raise ValueError(f"{name} is no array: {summary_of(error)}") from error
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
    """Refuse an array that says something else than images and their labels."""
    if not condition:
        raise ValueError(f"{name} has shape {array.shape}: must be {bound}")


def _examples(
    x: NDArray[Any], y: NDArray[Any], source: str, part: str, grey: bool
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give the images and labels of a part, train or test; ValueError for others."""
    images = _to_unit_images(x, f"{source}: x_{part}", grey)
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
        "(n,) or (n, 1), the number of each image's class (of one-hot labels their "
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
    """Scale images to [0, 1], and give grey ones a channel."""
    _require(x.ndim >= 2 and len(x) > 0, name, x, "(n, height, width, ...), n >= 1")
    x = x[..., None] if grey and x.ndim == 3 else x
    if x.dtype == np.uint8:
        return (x / np.float32(255)).astype(np.float32)
    if x.dtype.kind not in "bf":
        raise ValueError(
            f"{name} has type {x.dtype}: must be uint8, 0 to 255, or floats in [0, 1]"
        )
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        # Not-a-number is neither.
        low, high = x.min(), x.max()
        wrong = low if not low >= 0 else high
        pixels = low >= 0 and 1 < high <= 255
        advice = "divide by 255" if pixels else "scale or clip the values"
        raise ValueError(
            f"{name} holds {wrong:g}: must be in [0, 1], where epsilon is measured: "
            f"{advice}"
        )
    return x.astype(np.float32, copy=False)
