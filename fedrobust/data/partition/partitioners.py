"""flwr-datasets' partitioners; only labels reach them, pixels stay in NumPy."""

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
                raise ValueError(
                    f"{self!r} cannot deal {len(labels)} images to {num_clients} "
                    f"clients: {summary_of(error)}"
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
        at random would leave whole classes to nobody. So nothing depends on ``seed``
        but what is held out.
    """

    classes_per_client: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("classes_per_client", self.classes_per_client, 1)

    def check_classes(self, num_clients: int, classes: Sequence[int]) -> None:
        """Refuse what flwr-datasets would leave out, of which it only warns."""
        # Client p holds the classes p, p + 1, ...: so many do all of them together.
        reach = num_clients + self.classes_per_client - 1
        left, held = len(classes) - reach, self.classes_per_client
        require(
            left <= 0,
            "classes_per_client",
            held,
            f"at least {held + left} with num_clients={num_clients}, "
            f"or num_clients at least {num_clients + left}, as the {left} of "
            f"{len(classes)} classes {list(classes[reach:])} would go to nobody",
        )

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Deal the classes in turn; ValueError when some would go to nobody."""
        self.check_classes(num_clients, np.unique(labels).tolist())
        return super().deal(labels, num_clients)

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

    Nothing is drawn: nothing depends on ``seed`` but what is held out.

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
