"""What a client's training leaves to the simulator that runs it."""

from dataclasses import dataclass
from typing import ClassVar

from strategies.validation import Validated


@dataclass(frozen=True, kw_only=True)
class Simulator(Validated):
    """A simulator that treats every client as a machine of its own.

    Published simulators take shortcuts that their numbers depend on. One of these is a
    class derived from this, named in ``training.simulator``.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    # Whether all dropout layers of a client draw from one stream of random numbers.
    one_stream: ClassVar[bool] = False
    # Whether dishonest clients keep a worker momentum, as honest ones do.
    byzantine_momentum: ClassVar[bool] = True

    def dropout_key(self, round: int, client: int) -> tuple[int, int]:
        """Return the round and the client by which a client's dropout is drawn."""
        return round, client
