"""Which client holds which training images.

flwr-datasets' partitioners, on labels (``partitioners``), and two of experiments that
deal otherwise.
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
