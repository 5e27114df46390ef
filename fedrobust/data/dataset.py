"""The base class of data sets: float32 images in [0, 1] with integer labels.

Data stay in [0, 1], so that epsilon is in units of pixels; a layer of the model
standardises them. Files are searched in ``$FEDROBUST_DATA``, by default
``~/.cache/fedrobust``.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fedrobust.data.examples import split_of
from fedrobust.data.split import Split
from fedrobust.epsilon import Epsilon
from strategies.validation import require, require_between

__all__ = ["Dataset", "MissingDataError", "Split", "data_folder"]


class MissingDataError(FileNotFoundError):
    """A data set is missing or unreadable; the message says how to get it."""


def data_folder() -> Path:
    """Return the folder of data files and partitions."""
    default = Path.home() / ".cache" / "fedrobust"
    return Path(os.environ.get("FEDROBUST_DATA") or default)


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """A data set; a custom one only has to define ``read``.

    Parameters
    ----------
    num_train
        Use only the first so many training images; None means all.
    download
        Let Keras download the data if no file is found.
    input_shape, num_classes
        Shape of an image and number of classes, for the model; checked on loading.
    mean, std
        Moments of the training pixels, one per channel, for the model's first layer.
    epsilon
        The customary radius of the L-infinity ball, for attacks and training.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1
    # The epsilon is what others are interpolated from, and has no effect of its own.
    outside_digest: ClassVar[tuple[str, ...]] = ("download", "epsilon")

    num_train: int | None = None
    download: bool = False
    input_shape: list[int] | None = None
    num_classes: int | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    epsilon: Epsilon | None = None

    def __post_init__(self) -> None:
        if self.num_train is not None:
            require_between("num_train", self.num_train, 1)

    def available(self) -> int | None:
        """Return the number of training images, without loading; None if unknown.

        Raises
        ------
        MissingDataError
            When ``load`` could not find or read the data.
        """
        return None

    def check(self) -> None:
        """Check, without loading, what can be checked of the data.

        Raises
        ------
        MissingDataError
            When the data set is missing.
        ValueError
            When it has fewer training images than ``num_train``.
        """
        available = self.available()
        if available is not None and self.num_train is not None:
            require_between("num_train", self.num_train, 1, available)

    @property
    def size(self) -> int | None:
        """Number of training images used; None if unknown before loading."""
        return self.num_train or self.available()

    @property
    def source(self) -> str:
        """The origin of the arrays, for error messages."""
        return type(self).__name__

    @abstractmethod
    def read(self) -> Any:
        """Return the whole data set in any form that ``split_of`` takes."""

    def load(self) -> Split:
        """Return the data set with the first ``num_train`` training images.

        Raises
        ------
        MissingDataError
            When the data set is missing.
        ValueError
            When it has fewer training images than ``num_train``, has other shapes or
            classes than declared, or does not hold images in [0, 1] with labels.
        """
        split = split_of(self.read(), self.source, self.num_classes)
        shape = list(split.x_train.shape[1:])
        require(
            self.input_shape in (None, shape),
            "input_shape",
            self.input_shape,
            f"{shape}",
        )
        require(
            self.num_classes in (None, split.num_classes),
            "num_classes",
            self.num_classes,
            f"{split.num_classes}",
        )
        n = len(split.x_train) if self.num_train is None else self.num_train
        require_between("num_train", n, 1, len(split.x_train))
        ids = split.ids_train
        return Split(
            split.x_train[:n],
            split.y_train[:n],
            split.x_test,
            split.y_test,
            split.num_classes,
            None if ids is None else ids[:n],
            split.class_names,
        )
