"""A partition deals images to clients, and keeps how it dealt them.

flwr-datasets takes seconds to import, so the indices it gives are kept in the data
folder, and it is imported only without them.
"""

import hashlib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.dataset import Split, data_folder
from fedrobust.data.npz import read_npz
from fedrobust.files import replacing
from strategies.validation import Validated, require, require_between

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Partition(Validated, ABC):
    """How training images are dealt to clients.

    Parameters
    ----------
    seed
        Key of the partition.
    holdout
        Share of each client's images that it does not train on but evaluates the
        global model on, in [0, 1). Above 0, every evaluated round is evaluated by the
        clients too.
    """

    # Raised when ``deal`` deals otherwise than it did, so that nothing of then is read.
    version: ClassVar[int] = 1

    seed: int = 0
    holdout: float = 0.0

    def __post_init__(self) -> None:
        require_between("seed", self.seed, 0, 2**32 - 1)
        require(0 <= self.holdout < 1, "holdout", self.holdout, "in [0, 1)")

    @abstractmethod
    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Deal (n,) labels: sorted row numbers, an array a client.

        Raises
        ------
        ValueError
            When the partition does not exist.
        """

    @property
    def min_images(self) -> int:
        """The fewest images a client needs."""
        return 1

    def check(self, num_clients: int, num_train: int) -> None:
        """Raise ValueError when there are too few images for so many clients."""
        needed = self.min_images * num_clients
        if needed > num_train:
            raise ValueError(
                f"{num_clients} clients need {self.min_images} images each, and there "
                f"are {num_train}: lower num_clients"
            )

    def check_classes(self, num_clients: int, classes: Sequence[int]) -> None:
        """Raise ValueError when some of the sorted classes would go to nobody."""

    def column(self, split: Split) -> NDArray[Any]:
        """Choose what the partitioner sees of each training image."""
        return split.y_train

    def __call__(self, split: Split, num_clients: int) -> list[Indices]:
        """Deal the training images, or read how they were dealt before.

        Returns
        -------
        Sorted row numbers, an array a client; disjoint, but for ``LabelSorted``.

        Raises
        ------
        ValueError
            When the partition does not exist.
        """
        labels = np.ascontiguousarray(self.column(split))
        recipe = {
            "partition": type(self).__qualname__,
            **{k: v for k, v in asdict(self).items() if k != "holdout"},
            "num_clients": num_clients,
            "labels": hashlib.sha256(labels.tobytes()).hexdigest(),
            "dtype": str(labels.dtype),
            "version": self.version,
            # Of the one that deals, and of the one that shuffles for it.
            "flwr-datasets": version("flwr-datasets"),
            "datasets": version("datasets"),
        }
        key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        path = data_folder() / "partitions" / f"{key[:24]}.npz"
        kept = _kept(path, num_clients, len(labels))
        if kept is not None:
            return kept
        indices = self.deal(labels, num_clients)
        _keep(path, indices)
        return indices


def partition_digest(indices: Sequence[Indices]) -> str:
    """Return sixteen hexadecimal digits that name whose rows are whose."""
    found = hashlib.sha256()
    for rows in indices:
        found.update(f"{len(rows)}\n".encode())
        found.update(np.ascontiguousarray(rows, np.int64).data)
    return found.hexdigest()[:16]


def _kept(path: Path, num_clients: int, num_rows: int) -> list[Indices] | None:
    """Read how rows were dealt before; None where that is not as it was written."""
    if not path.is_file():
        return None
    try:
        file = read_npz(path, ("rows", "bounds", "digest"))
    except (KeyError, ValueError):
        # Torn, or of a version that kept no digest: dealing again gives the same.
        return None
    rows, bounds = file["rows"], file["bounds"]
    ends = [*bounds.tolist()] if bounds.ndim == 1 else []
    is_whole = (
        rows.dtype == bounds.dtype == np.int64
        and rows.ndim == 1
        and len(ends) == num_clients
        and [0, *ends] == sorted([0, *ends])
        and ends[-1] == len(rows)
        and (len(rows) == 0 or (rows.min() >= 0 and rows.max() < num_rows))
    )
    if not is_whole:
        return None
    indices = np.split(rows, bounds)[:num_clients]
    # As a list, which an array of another shape or type may be compared as.
    is_same = file["digest"].tolist() == partition_digest(indices)
    return indices if is_same else None


def _keep(path: Path, indices: list[Indices]) -> None:
    bounds = np.cumsum([len(i) for i in indices])
    rows = np.concatenate(indices).astype(np.int64)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            digest = np.array(partition_digest(indices))
            np.savez(file, rows=rows, bounds=bounds, digest=digest)
    except OSError as error:
        warnings.warn(f"the partition is not kept: {error}", stacklevel=2)
