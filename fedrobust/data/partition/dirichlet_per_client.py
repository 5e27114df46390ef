"""Equally large clients, each with class shares from a Dirichlet distribution."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.partition.base import Indices, Partition
from strategies.validation import require_positive


@dataclass(frozen=True, kw_only=True)
class DirichletPerClient(Partition):
    """Draw the class shares of each client from a Dirichlet distribution.

    This is the method of Flower's baselines (``create_lda_partitions``), including
    FLANDERS. Clients of equal size draw images one after the other, without
    replacement. When a class is used up, a client draws from the remaining classes
    instead; the last clients get what is left, whatever their shares.

    Parameters
    ----------
    alpha
        Concentration, above 0. A small alpha gives each client one class; a large one
        is nearly iid.
    """

    alpha: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("alpha", self.alpha)

    def deal(self, labels: NDArray[Any], num_clients: int) -> list[Indices]:
        """Draw the images of one client after the other."""
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
                # Every class that is left needs a positive share.
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
    """Return the counts of classes drawn before the first that is used up."""
    counts = np.cumsum(np.eye(len(left), dtype=np.int64)[drawn], axis=0)
    over = np.flatnonzero((counts > left).any(axis=1))
    end = over[0] if over.size else len(drawn)
    return counts[end - 1] if end else np.zeros_like(left)
