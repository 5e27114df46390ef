"""Data sets as float32 images in [0, 1] with integer labels.

Data stay in [0, 1], so that epsilon means pixels; standardising is a layer of the
model. Files are looked for in ``$FEDROBUST_DATA``, by default ``~/.cache/fedrobust``.
"""

import gzip
import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.epsilon import Epsilon
from strategies.parameters import require, require_between

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
DIGITS_SIZE, DIGITS_TEST_SIZE = 1797, 360


class MissingDataError(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class Split:
    """A data set in memory.

    Attributes
    ----------
    x_train, x_test
        (n, height, width, channels) float32 in [0, 1].
    y_train, y_test
        (n,) int32 labels.
    num_classes
        Number of classes.
    ids_train
        (n,) natural id of each training image (a writer, say), if the file has them.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int32]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int32]
    num_classes: int
    ids_train: NDArray[Any] | None = None


def data_folder() -> Path:
    """Give the folder of data files and partitions."""
    default = Path.home() / ".cache" / "fedrobust"
    return Path(os.environ.get("FEDROBUST_DATA") or default)


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """A data set by name.

    Parameters
    ----------
    num_train
        Use only the first so many training images; None means all.
    download
        Let Keras download the data when no file is found.
    input_shape, num_classes
        What the images and labels are like, for the model; checked on loading.
    mean, std
        Of the training pixels, a value a channel, for the model's first layer.
    epsilon
        The customary radius of the L-infinity ball, for attacks and training.
    raw_test
        Test images miss the model's standardising, though training images pass it: a
        mistake of the FLANDERS baseline (Gabrielli et al. 2023), and of others.
    """

    num_train: int | None = None
    download: bool = False
    input_shape: list[int] | None = None
    num_classes: int | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    epsilon: Epsilon | None = None
    raw_test: bool = False

    def __post_init__(self) -> None:
        if self.num_train is not None:
            require_between("num_train", self.num_train, 1)
        require(
            not self.raw_test or None not in (self.mean, self.std),
            "raw_test",
            self.raw_test,
            "false without mean and std, as nothing is standardised then",
        )

    @abstractmethod
    def available(self) -> int | None:
        """Count the training images there are, cheaply; None when that is not known.

        Raises
        ------
        MissingDataError
            When ``load`` could not find or read the data.
        """

    def check(self) -> None:
        """Refuse, cheaply, what ``load`` would refuse.

        Raises
        ------
        MissingDataError
            When the data set is not on this machine.
        ValueError
            When it has fewer training images than ``num_train``.
        """
        available = self.available()
        if available is not None and self.num_train is not None:
            require_between("num_train", self.num_train, 1, available)

    @property
    def size(self) -> int | None:
        """Training images that are used; None when that is not known before loading."""
        return self.num_train or self.available()

    @abstractmethod
    def read(self) -> Split:
        """Read all of the data set."""

    def load(self) -> Split:
        """Read the data set and keep the first ``num_train`` training images.

        Raises
        ------
        MissingDataError
            When it is not on this machine.
        ValueError
            When it has fewer training images than ``num_train``, or other shapes or
            classes than were said.
        """
        split = self.read()
        shape = list(split.x_train.shape[1:])
        require(
            self.input_shape in (None, shape),
            "input_shape",
            self.input_shape,
            f"{shape}",
        )
        classes = split.num_classes
        require(
            self.num_classes in (None, classes),
            "num_classes",
            self.num_classes,
            f"{classes}",
        )
        n = len(split.x_train) if self.num_train is None else self.num_train
        require_between("num_train", n, 1, len(split.x_train))
        ids = split.ids_train
        return Split(
            split.x_train[:n],
            split.y_train[:n],
            self._unstandardised(split.x_test) if self.raw_test else split.x_test,
            split.y_test,
            split.num_classes,
            None if ids is None else ids[:n],
        )

    def _unstandardised(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo, before it happens, what the model's first layer does to images."""
        std, mean = np.asarray(self.std), np.asarray(self.mean)
        return np.asarray(x * std + mean, np.float32)


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """Scikit-learn's 1,797 handwritten digits of 8 × 8 pixels, which come with it.

    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998 (its test set). One in five tests, always the same ones,
    drawn at random: in the order of the file they would be a few writers' alone.
    """

    def available(self) -> int:
        """Count the images; they are part of scikit-learn."""
        return DIGITS_SIZE - DIGITS_TEST_SIZE

    def read(self) -> Split:
        """Scale the 17 grey levels to [0, 1]."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        x = (bunch.images[..., None] / 16.0).astype(np.float32)
        y = bunch.target.astype(np.int32)
        order = np.random.default_rng(0).permutation(len(x))
        x, y, n = x[order], y[order], len(x) - DIGITS_TEST_SIZE
        return Split(x[:n], y[:n], x[n:], y[n:], num_classes=10)


@dataclass(frozen=True, kw_only=True)
class ImageFile(Dataset):
    """Images from ``<name>.npz``: uint8 x_train, y_train, x_test and y_test.

    Parameters
    ----------
    name
        Name of the file; mnist, fashion_mnist and cifar10 can also be downloaded by
        Keras, and Fashion-MNIST is read from Debian's package of it.
    """

    name: str = "mnist"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.name.replace("_", "").replace("-", "").isalnum(),
            "name",
            self.name,
            "letters, digits, - and _",
        )

    @property
    def path(self) -> Path:
        """The file, whether it is there or not."""
        return data_folder() / f"{self.name}.npz"

    @property
    def _is_in_debian(self) -> bool:
        return self.name == "fashion_mnist" and DEBIAN_FASHION_MNIST.is_dir()

    @property
    def _keras_module(self) -> bool:
        return self.name in ("mnist", "fashion_mnist", "cifar10")

    def available(self) -> int | None:
        """Look for the file, then Debian's, then the permission to download."""
        if self.path.is_file():
            return len(_read_npz(self.path, ("y_train",))["y_train"])
        if self._is_in_debian or (self.download and self._keras_module):
            return None
        ways = f"put {self.name}.npz (x_train, y_train, x_test, y_test) there"
        if self._keras_module:
            ways += ", or allow Keras to fetch it with dataset.download=true"
        if self.name == "fashion_mnist":
            ways += ", or install Debian's package dataset-fashion-mnist"
        raise MissingDataError(f"no data set {self.name!r} at {self.path}: {ways}")

    def read(self) -> Split:
        """Read the first source there is."""
        self.available()
        ids = None
        if self.path.is_file():
            file = _read_npz(self.path, ARRAYS)
            arrays = tuple(file[name] for name in ARRAYS)
            ids = file.get("ids_train")
        elif self._is_in_debian:
            arrays = _read_idx_folder(DEBIAN_FASHION_MNIST)
        else:
            arrays = _download(self.name)
        x_train, x_test = (_to_unit_images(x) for x in (arrays[0], arrays[2]))
        y_train, y_test = (y.reshape(-1).astype(np.int32) for y in arrays[1::2])
        classes = int(max(y_train.max(), y_test.max())) + 1
        return Split(x_train, y_train, x_test, y_test, classes, ids)


ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def _read_npz(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read the named arrays and, with all of them, natural ids if the file has any."""
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file]
            if missing:
                raise MissingDataError(f"{path} lacks the arrays {missing}")
            wanted = [*names, "ids_train"] if len(names) > 1 else names
            return {name: file[name] for name in wanted if name in file}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise MissingDataError(f"{path} cannot be read: {error}") from error


def _download(name: str) -> tuple[NDArray[Any], ...]:
    """Let Keras download a data set, which it keeps in a folder of its own."""
    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:
        # Keras raises a plain Exception when it cannot fetch a file.
        raise MissingDataError(f"Keras could not download {name}: {error}") from error
    return (*train, *test)


def _read_idx_folder(folder: Path) -> tuple[NDArray[Any], ...]:
    """Read the four IDX files, compressed or not, of MNIST's layout."""

    def read(stem: str) -> NDArray[np.uint8]:
        try:
            path = next(p for p in sorted(folder.iterdir()) if p.name.startswith(stem))
        except StopIteration:
            raise MissingDataError(f"no file {stem}* in {folder}") from None
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        rank = raw[3]
        shape = np.frombuffer(raw, ">u4", count=rank, offset=4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)

    return (
        read("train-images"),
        read("train-labels"),
        read("t10k-images"),
        read("t10k-labels"),
    )


def _to_unit_images(x: NDArray[Any]) -> NDArray[np.float32]:
    """Scale uint8 images to [0, 1] and give grey ones a channel."""
    if x.dtype != np.uint8:
        raise ValueError(f"images must be uint8, not {x.dtype}")
    x = x[..., None] if x.ndim == 3 else x
    return (x / np.float32(255)).astype(np.float32)
