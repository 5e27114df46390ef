"""Blocks of images sorted by label, as in the bucketing paper."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.partition.base import Indices, Partition
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class LabelSorted(Partition):
    """Sort by label and cut into one block per client, of one or two classes each.

    Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
    Bucketing, ICLR 2022, and the authors' code. In that code only honest clients hold
    blocks; the Byzantine clients, which come last, draw from all images.

    Parameters
    ----------
    blocks
        Number of clients that hold blocks, counted from the first; None means all. Each
        other client draws equally many from all images, and shares them with others.
    stride
        Deal the sorted images in turn instead of cutting the list, so that every block
        has every class. This is the iid partition of that code.
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
        """Sort by label, stably, then cut or deal in turn."""
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
