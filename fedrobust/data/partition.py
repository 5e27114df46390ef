"""Which client holds which training images: flwr-datasets' partitioners, on labels.

Only labels reach flwr-datasets; pixels stay in NumPy. It takes seconds to import, so
the indices it gives are kept in the data folder and it is imported only without them.
"""

import hashlib
import json
import os
import warnings
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.datasets import Split, data_folder
from strategies.parameters import require, require_between, require_positive

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Partition(ABC):
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
            "flwr-datasets": version("flwr-datasets"),
        }
        key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        path = data_folder() / "partitions" / f"{key[:24]}.npz"
        if path.is_file():
            return _read_indices(path, num_clients)
        indices = self.deal(labels, num_clients)
        _write_indices(path, indices)
        return indices


def _read_indices(path: Path, num_clients: int) -> list[Indices]:
    with np.load(path, allow_pickle=False) as file:
        return np.split(file["rows"], file["bounds"])[:num_clients]


def _write_indices(path: Path, indices: list[Indices]) -> None:
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    bounds = np.cumsum([len(i) for i in indices])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, rows=np.concatenate(indices), bounds=bounds)
        partial.replace(path)
    except OSError as error:
        warnings.warn(f"the partition is not kept: {error}", stacklevel=2)


@dataclass(frozen=True, kw_only=True)
class FlwrDatasets(Partition):
    """What a partitioner of flwr-datasets deals."""

    @abstractmethod
    def partitioner(self, num_clients: int) -> Any:
        """Make the flwr-datasets partitioner over a column ``label``."""

    def arrange(self, table: Any) -> Any:
        """Order the rows that the partitioner sees."""
        return table

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Let flwr-datasets deal the labels."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        # Hugging Face's datasets would import TensorFlow only to know that it can.
        os.environ.setdefault("USE_TF", "0")
        from datasets import Dataset

        rows = np.arange(len(labels))
        table = Dataset.from_dict({"row": rows, "label": labels.tolist()})
        partitioner = self.partitioner(num_clients)
        partitioner.dataset = self.arrange(table)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if partitioner.num_partitions != num_clients:
                    raise ValueError(
                        f"the data make {partitioner.num_partitions} clients"
                    )
                return [
                    np.sort(np.asarray(partitioner.load_partition(i)["row"], np.int64))
                    for i in range(num_clients)
                ]
            except (ValueError, IndexError, ZeroDivisionError) as error:
                reason = " ".join(str(error).split())
                raise ValueError(
                    f"{self!r} cannot deal {len(labels)} images to {num_clients} "
                    f"clients: {reason}"
                ) from error


@dataclass(frozen=True, kw_only=True)
class Iid(FlwrDatasets):
    """Deal images at random, the same number to each client."""

    def arrange(self, table: Any) -> Any:
        """Shuffle, as IidPartitioner deals contiguous rows."""
        return table.shuffle(seed=self.seed)

    def partitioner(self, num_clients: int) -> Any:
        """Make an IidPartitioner."""
        from flwr_datasets.partitioner import IidPartitioner

        return IidPartitioner(num_partitions=num_clients)


@dataclass(frozen=True, kw_only=True)
class Dirichlet(FlwrDatasets):
    """Draw each class's shares from a Dirichlet distribution.

    Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for
    Federated Visual Classification, 2019; balanced as in Yurochkin et al., ICML 2019.

    Parameters
    ----------
    alpha
        Concentration, above 0: small is one class a client, large is iid.
    min_partition_size
        Draw again until every client has so many images.
    self_balancing
        Give no more of a class to a client that has its average share already.
    """

    alpha: float = 1.0
    min_partition_size: int = 10
    self_balancing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("alpha", self.alpha)
        require_between("min_partition_size", self.min_partition_size, 0)

    @property
    def min_images(self) -> int:
        """What is asked for."""
        return max(1, self.min_partition_size)

    def partitioner(self, num_clients: int) -> Any:
        """Make a DirichletPartitioner."""
        from flwr_datasets.partitioner import DirichletPartitioner

        return DirichletPartitioner(
            num_partitions=num_clients,
            partition_by="label",
            alpha=self.alpha,
            min_partition_size=self.min_partition_size,
            self_balancing=self.self_balancing,
            shuffle=False,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class Shards(FlwrDatasets):
    """Sort by label, cut into shards and deal the same number to each client.

    McMahan et al., AISTATS 2017, Section 3: two shards a client. All shards have the
    same size; the last few images, fewer than there are shards, go to nobody.

    Parameters
    ----------
    shards_per_client
        Shards each client receives, at least 1.
    """

    shards_per_client: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("shards_per_client", self.shards_per_client, 1)

    @property
    def min_images(self) -> int:
        """One for each shard."""
        return self.shards_per_client

    def partitioner(self, num_clients: int) -> Any:
        """Make a ShardPartitioner."""
        from flwr_datasets.partitioner import ShardPartitioner

        return ShardPartitioner(
            num_partitions=num_clients,
            partition_by="label",
            num_shards_per_partition=self.shards_per_client,
            shuffle=False,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class Pathological(FlwrDatasets):
    """Give each client images of a few classes only, and use every image.

    Li, Diao, Chen, He: Federated Learning on Non-IID Data Silos, ICDE 2022 (#C = k).

    Parameters
    ----------
    classes_per_client
        Classes each client holds, at least 1. Classes are dealt in turn: drawing them
        at random would leave whole classes to nobody.
    """

    classes_per_client: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("classes_per_client", self.classes_per_client, 1)

    def partitioner(self, num_clients: int) -> Any:
        """Make a PathologicalPartitioner."""
        from flwr_datasets.partitioner import PathologicalPartitioner

        return PathologicalPartitioner(
            num_partitions=num_clients,
            partition_by="label",
            num_classes_per_partition=self.classes_per_client,
            class_assignment_mode="deterministic",
            shuffle=False,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class NaturalId(FlwrDatasets):
    """Make a client of each natural id: a writer, a hospital, or a class.

    Parameters
    ----------
    by
        ``id``: the array ids_train of the data file; ``label``: the class, the most
        extreme label skew there is.
    """

    by: str = "id"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.by in ("id", "label"), "by", self.by, "'id' or 'label'")

    def column(self, split: Split) -> NDArray[Any]:
        """Choose the ids; ValueError when the data set has none."""
        if self.by == "label":
            return split.y_train
        if split.ids_train is None:
            raise ValueError(
                "partition.by='id': the data set has no array ids_train; "
                "use partition.by=label or another partition"
            )
        return split.ids_train

    def partitioner(self, num_clients: int) -> Any:
        """Make a NaturalIdPartitioner."""
        from flwr_datasets.partitioner import NaturalIdPartitioner

        return NaturalIdPartitioner(partition_by="label")


@dataclass(frozen=True, kw_only=True)
class LabelSorted(Partition):
    """Sort by label and cut into one block a client, of one or two classes each.

    Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
    Bucketing, ICLR 2022, and the authors' code. There only honest clients hold blocks;
    the Byzantine ones, the last of them, draw from all the data.

    Parameters
    ----------
    blocks
        How many clients hold blocks, the first ones; None means all. Each of the others
        holds as many images, drawn from all of them: somebody else holds these too.
    stride
        Deal the sorted list in turn instead of cutting it: every class in every block,
        which is that code's iid.
    """

    blocks: int | None = None
    stride: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blocks is not None:
            require_between("blocks", self.blocks, 1)

    def check(self, num_clients: int, num_train: int) -> None:
        """Raise ValueError when there are too many blocks for clients or images."""
        super().check(self.blocks or num_clients, num_train)
        require(
            self.blocks is None or self.blocks <= num_clients,
            "blocks",
            self.blocks,
            f"at most num_clients={num_clients}",
        )

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Sort, keeping the order of equal labels, and cut or deal in turn."""
        blocks = self.blocks or num_clients
        ascending = np.argsort(labels, kind="stable")
        if self.stride:
            dealt = [ascending[block::blocks] for block in range(blocks)]
        else:
            dealt = np.array_split(ascending, blocks)
        rng = np.random.default_rng([self.seed, blocks])
        dealt += [
            rng.choice(len(labels), len(labels) // blocks, replace=False)
            for _ in range(num_clients - blocks)
        ]
        return [np.sort(rows).astype(np.int64) for rows in dealt]


@dataclass(frozen=True, kw_only=True)
class DirichletPerClient(Partition):
    """Draw the class shares of each client from a Dirichlet distribution.

    As Flower's baselines do (``create_lda_partitions``), FLANDERS among them: clients
    of the same size draw images one after the other, without putting them back, and
    what a client wants of a class that is used up it takes from the others. The last
    clients take what is left, whatever their shares.

    Parameters
    ----------
    alpha
        Concentration, above 0: small is one class a client, large is iid.
    """

    alpha: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("alpha", self.alpha)

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Let one client after the other draw."""
        rng = np.random.default_rng([self.seed, num_clients])
        classes = np.unique(labels)
        stock = [rng.permutation(np.flatnonzero(labels == c)) for c in classes]
        left = np.array([len(rows) for rows in stock])
        shares = rng.dirichlet(np.full(len(classes), self.alpha), num_clients)
        dealt = []
        for client, share in enumerate(shares):
            size = len(labels) // num_clients + (client < len(labels) % num_clients)
            taken = np.zeros(len(classes), np.int64)
            while taken.sum() < size:
                # A share of its own for every class there is, however small.
                wanted = np.where(left > 0, share + 1e-5, 0)
                drawn = rng.choice(
                    len(classes), size - taken.sum(), p=wanted / wanted.sum()
                )
                taken_now = _until_used_up(drawn, left)
                taken += taken_now
                left -= taken_now
            ends = left + taken
            rows = [
                rows[end - count : end]
                for rows, end, count in zip(stock, ends, taken, strict=True)
            ]
            dealt.append(np.sort(np.concatenate(rows)).astype(np.int64))
        return dealt


def _until_used_up(drawn: Indices, left: Indices) -> Indices:
    """Count the classes drawn before one is drawn that is used up."""
    counts = np.cumsum(np.eye(len(left), dtype=np.int64)[drawn], axis=0)
    over = np.flatnonzero((counts > left).any(axis=1))
    end = over[0] if over.size else len(drawn)
    return counts[end - 1] if end else np.zeros_like(left)
