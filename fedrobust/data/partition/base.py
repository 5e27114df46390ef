"""The base class of partitions, which assign images to clients and cache the result.

flwr-datasets takes seconds to import. The indices are therefore cached in the data
folder, and flwr-datasets is imported only if they are missing.
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
    """A partition of the training images among clients.

    Parameters
    ----------
    seed
        Key of the partition.
    holdout
        Share of each client's images on which it evaluates the global model instead of
        training, in [0, 1). If it is above 0, clients evaluate in every evaluated
        round.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    seed: int = 0
    holdout: float = 0.0

    def __post_init__(self) -> None:
        require_between("seed", self.seed, 0, 2**32 - 1)
        require(0 <= self.holdout < 1, "holdout", self.holdout, "in [0, 1)")

    @abstractmethod
    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Return the sorted row numbers of each client.

        Parameters
        ----------
        labels
            (n,) values of ``column`` for the training images.
        num_clients
            Number of arrays to return.

        Raises
        ------
        ValueError
            When no such partition exists.
        """

    @property
    def min_images(self) -> int:
        """The smallest number of images a client needs."""
        return 1

    def check(self, num_clients: int, num_train: int) -> None:
        """Raise ValueError when there are too few images for so many clients."""
        needed = self.min_images * num_clients
        if needed > num_train:
            raise ValueError(
                f"{num_clients} clients need {self.min_images} images each, but there "
                f"are {num_train}: lower num_clients"
            )

    def check_classes(self, num_clients: int, classes: Sequence[int]) -> None:
        """Raise ValueError when some of the sorted classes would have no client."""

    def column(self, split: Split) -> NDArray[Any]:
        """Return the (n,) values by which training images are partitioned."""
        return split.y_train

    def __call__(self, split: Split, num_clients: int) -> list[Indices]:
        """Return the partition of the training images, from the cache if possible.

        Returns
        -------
        Sorted row numbers, one array per client; disjoint, except for ``LabelSorted``.

        Raises
        ------
        ValueError
            When no such partition exists.
        """
        labels = np.ascontiguousarray(self.column(split))
        recipe = {
            "partition": type(self).__qualname__,
            **{k: v for k, v in asdict(self).items() if k != "holdout"},
            "num_clients": num_clients,
            "labels": hashlib.sha256(labels.tobytes()).hexdigest(),
            "dtype": str(labels.dtype),
            "version": self.version,
            # The first partitions, and the second shuffles for it.
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
    """Return sixteen hexadecimal digits of a hash of the clients' row numbers."""
    hashed = hashlib.sha256()
    for rows in indices:
        hashed.update(f"{len(rows)}\n".encode())
        hashed.update(np.ascontiguousarray(rows, np.int64).data)
    return hashed.hexdigest()[:16]


def _kept(path: Path, num_clients: int, num_rows: int) -> list[Indices] | None:
    """Return a cached partition; None if there is none or the file is damaged."""
    if not path.is_file():
        return None
    try:
        file = read_npz(path, ("rows", "bounds", "digest"))
    except (KeyError, ValueError):
        # Damaged, or from a version without a digest: dealing again gives the same.
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
    # ``tolist`` because comparing an array of another shape would not give one bool.
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
        warnings.warn(f"the partition cannot be cached: {error}", stacklevel=2)
