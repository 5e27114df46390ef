"""Partitions of the training images among clients.

They are the partitioners of flwr-datasets (``partitioners``), and two partitions of
published experiments.
"""

from fedrobust.data.partition.base import Indices, Partition, partition_digest
from fedrobust.data.partition.dirichlet_per_client import DirichletPerClient
from fedrobust.data.partition.label_sorted import LabelSorted
from fedrobust.data.partition.partitioners import (
    Dirichlet,
    FlwrDatasets,
    Iid,
    NaturalId,
    Pathological,
    Shards,
)

__all__ = [
    "Dirichlet",
    "DirichletPerClient",
    "FlwrDatasets",
    "Iid",
    "Indices",
    "LabelSorted",
    "NaturalId",
    "Partition",
    "Pathological",
    "Shards",
    "partition_digest",
]
