"""The local runtime: an in-process grid under Flower's own ``Strategy.start``, no Ray.

Each client is a node with its own Context, as under a SuperLink; its ClientApp is
called on a thread. TensorFlow leaves Python's lock while a graph runs, so threads run
in parallel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedrobust.backend import num_cores
from fedrobust.runtime.base import Runtime

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

        with LocalGrid(client_app, num_clients, self.workers or num_cores()) as grid:
            server(grid)
