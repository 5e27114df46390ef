"""The local runtime: an in-process grid for Flower's ``Strategy.start``, without Ray.

Each client is a node with its own Context, as with a SuperLink, and its ClientApp is
called on a thread. TensorFlow releases Python's lock while a graph runs, so the threads
run in parallel.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedrobust.runtime.base import Runtime
from strategies.threads import num_cores

if TYPE_CHECKING:
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid


@dataclass(frozen=True, kw_only=True)
class Local(Runtime):
    """Run clients on threads of this process."""

    def run(
        self,
        server: "Callable[[Grid], None]",
        client_app: "ClientApp",
        num_clients: int,
    ) -> None:
        """Call the server with a LocalGrid."""
        from fedrobust.runtime.local_grid import LocalGrid

        workers = self.workers or num_cores()
        with LocalGrid(client_app, num_clients, workers) as grid, _frozen_heap():
            server(grid)


@contextlib.contextmanager
def _frozen_heap() -> Iterator[None]:
    """Exclude all objects that exist before the rounds from garbage collection.

    Otherwise the thousands of messages of a round make the collector scan all of
    TensorFlow's objects again and again.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
