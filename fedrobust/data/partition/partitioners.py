"""The partitioners of flwr-datasets, which see only labels, not pixels."""

import os
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.dataset import Split
from fedrobust.data.partition.base import Indices, Partition
from fedrobust.errors import summary_of
from strategies.validation import require, require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class FlwrDatasets(Partition):
    """The base class of partitions by a partitioner of flwr-datasets."""

    @abstractmethod
    def partitioner(self, num_clients: int) -> Any:
        """Return the flwr-datasets partitioner over a column ``label``."""

    def arrange(self, table: Any) -> Any:
        """Return the rows in the order in which the partitioner sees them."""
        return table

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Partition the labels by flwr-datasets."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        # Otherwise Hugging Face's datasets imports TensorFlow to test that it exists.
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
                raise ValueError(
                    f"{self!r} cannot deal {len(labels)} images to {num_clients} "
                    f"clients: {summary_of(error)}"
                ) from error


@dataclass(frozen=True, kw_only=True)
class Iid(FlwrDatasets):
    """Assign images at random, equally many to each client."""

    def arrange(self, table: Any) -> Any:
        """Shuffle the rows, because IidPartitioner assigns contiguous ones."""
        return table.shuffle(seed=self.seed)

    def partitioner(self, num_clients: int) -> Any:
        """Return an IidPartitioner."""
        from flwr_datasets.partitioner import IidPartitioner

        return IidPartitioner(num_partitions=num_clients)


@dataclass(frozen=True, kw_only=True)
class Dirichlet(FlwrDatasets):
    """Draw the clients' shares of each class from a Dirichlet distribution.

    Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for
    Federated Visual Classification, 2019; balanced as in Yurochkin et al.: Bayesian
    Nonparametric Federated Learning of Neural Networks, ICML 2019.

    Parameters
    ----------
    alpha
        Concentration, above 0. A small alpha gives each client few classes; a large one
        is nearly iid.
    min_partition_size
        Draw again until every client has at least so many images.
    self_balancing
        Assign no more images of a class to a client that already has its average share.
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
        """``min_partition_size``, but at least 1."""
        return max(1, self.min_partition_size)

    def partitioner(self, num_clients: int) -> Any:
        """Return a DirichletPartitioner."""
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
    """Sort by label, cut into shards and assign equally many shards to each client.

    McMahan et al.: Communication-Efficient Learning of Deep Networks from Decentralized
    Data, AISTATS 2017, Section 3, with two shards per client. All shards have equal
    size; the last few images, fewer than there are shards, have no client.

    Parameters
    ----------
    shards_per_client
        Number of shards per client, at least 1.
    """

    shards_per_client: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("shards_per_client", self.shards_per_client, 1)

    @property
    def min_images(self) -> int:
        """One image for each shard."""
        return self.shards_per_client

    def partitioner(self, num_clients: int) -> Any:
        """Return a ShardPartitioner."""
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
    """Assign each client images of a few classes only, and use every image.

    Li, Diao, Chen, He: Federated Learning on Non-IID Data Silos: An Experimental Study,
    ICDE 2022 (#C = k).

    Parameters
    ----------
    classes_per_client
        Number of classes per client, at least 1. Classes are assigned in turn, because
        a random draw could leave whole classes without a client. Only the holdout
        depends on ``seed``.
    """

    classes_per_client: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("classes_per_client", self.classes_per_client, 1)

    def check_classes(self, num_clients: int, classes: Sequence[int]) -> None:
        """Raise ValueError for classes without a client; flwr-datasets only warns."""
        # Client p holds the classes p, p + 1, ..., so all together reach so many.
        reach = num_clients + self.classes_per_client - 1
        left, held = len(classes) - reach, self.classes_per_client
        require(
            left <= 0,
            "classes_per_client",
            held,
            f"at least {held + left} with num_clients={num_clients}, "
            f"or num_clients at least {num_clients + left}, because the {left} of "
            f"{len(classes)} classes {list(classes[reach:])} would have no client",
        )

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Assign classes in turn; raise ValueError if some would have no client."""
        self.check_classes(num_clients, np.unique(labels).tolist())
        return super().deal(labels, num_clients)

    def partitioner(self, num_clients: int) -> Any:
        """Return a PathologicalPartitioner."""
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
    """Assign one client to each natural id, such as a writer, a hospital, or a class.

    The partition is not random; only the holdout depends on ``seed``.

    Parameters
    ----------
    by
        ``id``, the array ids_train of the data file, or ``label``, the class, which is
        the most extreme label skew.
    """

    by: str = "id"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.by in ("id", "label"), "by", self.by, "'id' or 'label'")

    def column(self, split: Split) -> NDArray[Any]:
        """Return the ids; raise ValueError if the data set has none."""
        if self.by == "label":
            return split.y_train
        if split.ids_train is None:
            raise ValueError(
                "partition.by='id': the data set has no array ids_train; "
                "use partition.by=label or another partition"
            )
        return split.ids_train

    def partitioner(self, num_clients: int) -> Any:
        """Return a NaturalIdPartitioner."""
        from flwr_datasets.partitioner import NaturalIdPartitioner

        return NaturalIdPartitioner(partition_by="label")
