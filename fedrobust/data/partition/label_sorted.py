"""Blocks of the images sorted by label (Karimireddy, He, Jaggi, ICLR 2022)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.partition.base import Indices, Partition
from strategies.validation import require, require_between


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
