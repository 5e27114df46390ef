"""The round under way: made when it is configured, read until the next one is."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flwr.app import ArrayRecord
from numpy.typing import NDArray

from strategies.linalg.rows import Vector
from strategies.round_report import RoundReport
from strategies.screening import Specs, specs_of
from strategies.transport.arrays import unpack_all


@dataclass
class Round:
    """A round from the messages that it sends to the evaluation of its model.

    Attributes
    ----------
    report
        What happened in it so far.
    clients
        Client id of each node that was sent the last messages: those to train, and
        later those to evaluate.
    arrays
        The global arrays that were sent to train on.
    root_update
        (d,) update on the server's own data, once a rule has needed it.
    sent_at
        When the train messages were made, by ``time.perf_counter``.
    """

    report: RoundReport
    clients: dict[int, int]
    arrays: ArrayRecord
    root_update: Vector | None = None
    sent_at: float = field(default_factory=time.perf_counter)

    @property
    def number(self) -> int:
        """The round, from 1."""
        return self.report.round

    @cached_property
    def old(self) -> dict[str, NDArray[Any]]:
        """Read-only views of the global arrays, by name."""
        return unpack_all(self.arrays)

    @cached_property
    def specs(self) -> Specs:
        """Shapes and dtypes of the global arrays, by name."""
        return specs_of(self.arrays)
