"""A data set from a file: an npz file, a Debian package, or a Keras download."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.data.dataset import Dataset, MissingDataError, Split, data_folder
from fedrobust.data.examples import ARRAYS, to_labels
from fedrobust.data.npz import read_npz
from strategies.validation import require

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
# The names of classes that the files know by number alone.
CLASS_NAMES = {
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"),
        *("ship", "truck"),
    ),
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt"),
        *("Sneaker", "Bag", "Ankle boot"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class ImageFile(Dataset):
    """Images from ``<name>.npz`` with arrays x_train, y_train, x_test and y_test.

    Parameters
    ----------
    name
        Name of the file without its suffix. Keras can also download mnist,
        fashion_mnist and cifar10; fashion_mnist is also read from its Debian package.
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
        """The path of the npz file, which may not exist."""
        return data_folder() / f"{self.name}.npz"

    @property
    def _is_in_debian(self) -> bool:
        return self.name == "fashion_mnist" and DEBIAN_FASHION_MNIST.is_dir()

    @property
    def _keras_module(self) -> bool:
        return self.name in ("mnist", "fashion_mnist", "cifar10")

    @property
    def source(self) -> str:
        """The origin of the arrays, for error messages."""
        if self.path.is_file():
            return str(self.path)
        return "Debian's files" if self._is_in_debian else "Keras's download"

    def available(self) -> int | None:
        """Return the number of images in the file; None for other sources."""
        if self.path.is_file():
            labels = _read_npz(self.path, ["y_train"], required=ARRAYS)["y_train"]
            return len(to_labels(labels, f"{self.path}: y_train"))
        if self._is_in_debian or (self.download and self._keras_module):
            return None
        ways = f"put {self.name}.npz (x_train, y_train, x_test, y_test) there"
        if self._keras_module:
            ways += ", or let fedrobust run fetch it by Keras, dataset.download=true"
        if self.name == "fashion_mnist":
            ways += ", or install Debian's package dataset-fashion-mnist"
        raise MissingDataError(f"no data set {self.name!r} at {self.path}: {ways}")

    def load(self) -> Split:
        """Read the images, and name the classes if they are known.

        Raises
        ------
        MissingDataError, ValueError
            As for every data set.
        """
        split, names = super().load(), CLASS_NAMES.get(self.name, ())
        # A file of this name may hold other images.
        is_known = len(names) == split.num_classes
        return replace(split, class_names=names) if is_known else split

    def read(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the first available source, by name."""
        self.available()
        if self.path.is_file():
            return _read_npz(self.path, ARRAYS, optional=["ids_train"])
        if self._is_in_debian:
            arrays = _read_idx_folder(DEBIAN_FASHION_MNIST)
        else:
            arrays = _download(self.name)
        return dict(zip(ARRAYS, arrays, strict=True))


def _read_npz(
    path: Path, names: Sequence[str], **others: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Read arrays as ``read_npz`` does; raise MissingDataError if that fails."""
    try:
        return read_npz(path, names, **others)
    except KeyError as error:
        raise MissingDataError(f"{path} lacks the arrays {error.args[0]}") from error
    except ValueError as error:
        raise MissingDataError(
            f"{path} cannot be read as a complete npz file of plain arrays ({error}): "
            "replace it"
        ) from error


def _download(name: str) -> tuple[NDArray[Any], ...]:
    """Download a data set by Keras, which stores it in its own folder."""
    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:
        # Keras raises a plain Exception when it cannot fetch a file.
        raise MissingDataError(f"Keras could not download {name}: {error}") from error
    return (*train, *test)


def _read_idx_folder(folder: Path) -> tuple[NDArray[Any], ...]:
    """Read the four IDX files of MNIST's layout, compressed or not."""

    def read(stem: str) -> NDArray[np.uint8]:
        try:
            path = next(p for p in sorted(folder.iterdir()) if p.name.startswith(stem))
        except StopIteration:
            raise MissingDataError(f"no file {stem}* in {folder}") from None
        try:
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            rank = raw[3]
            shape = np.frombuffer(raw, ">u4", count=rank, offset=4)
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
        except Exception as error:
            # A truncated file fails in decompression, header or body, and a forged one
            # may claim to be larger than memory.
            raise MissingDataError(f"{path} cannot be read: {error}") from error

    return (
        read("train-images"),
        read("train-labels"),
        read("t10k-images"),
        read("t10k-labels"),
    )
