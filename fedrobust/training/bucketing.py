"""The simulator of the bucketing paper (Karimireddy, He, Jaggi, ICLR 2022).

Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing, the authors' code:
its clients are objects of one process, which share generators of random numbers.
"""

from dataclasses import dataclass
from typing import ClassVar

from fedrobust.training.simulator import Simulator
from strategies.validation import require

MASKS = ("client", "shared", "constant")


@dataclass(frozen=True, kw_only=True)
class BucketingSimulator(Simulator):
    """Clients as in the code of the bucketing paper.

    Dishonest clients keep no momentum, and all dropout layers of a client draw from one
    stream, so that layers of one size leave out the same units.

    Parameters
    ----------
    dropout_masks
        Masks of a ``client`` are its own in each round. ``shared`` ones are the same
        for all clients of a round whose batches are of one size, as in the authors'
        code on a CPU; ``constant`` ones are the same in every round too, as on a GPU.
    """

    one_stream: ClassVar[bool] = True
    byzantine_momentum: ClassVar[bool] = False

    dropout_masks: str = "client"

    def __post_init__(self) -> None:
        require(
            self.dropout_masks in MASKS,
            "dropout_masks",
            self.dropout_masks,
            "'client', 'shared' or 'constant'",
        )

    def dropout_key(self, round: int, client: int) -> tuple[int, int]:
        """Return the round and the client by which a client's dropout is drawn."""
        if self.dropout_masks == "client":
            return round, client
        return (round, 0) if self.dropout_masks == "shared" else (0, 0)
