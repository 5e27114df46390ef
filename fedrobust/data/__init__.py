"""Data sets, loaded as arrays in [0, 1], and their partition among clients."""

from fedrobust.data.dataset import Dataset, MissingDataError, Split
from fedrobust.data.digits import Digits
from fedrobust.data.flanders_baseline import RawTestImages
from fedrobust.data.image_file import ImageFile
from fedrobust.data.partition import (
    Dirichlet,
    DirichletPerClient,
    Iid,
    LabelSorted,
    NaturalId,
    Partition,
    Pathological,
    Shards,
)

__all__ = [
    "Dataset",
    "Digits",
    "Dirichlet",
    "DirichletPerClient",
    "Iid",
    "ImageFile",
    "LabelSorted",
    "MissingDataError",
    "NaturalId",
    "Partition",
    "Pathological",
    "RawTestImages",
    "Shards",
    "Split",
]
