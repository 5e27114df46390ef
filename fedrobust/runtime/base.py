"""The interface of runtimes, which provide the server with a grid of clients."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strategies.validation import require_between, require_positive

if TYPE_CHECKING:
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid


@dataclass(frozen=True, kw_only=True)
class Runtime(ABC):
    """A way to run clients.

    Parameters
    ----------
    workers
        Number of clients that run at the same time; None means one per core. It never
        changes a result.
    cohort
        Number of clients that are trained by one program; 1 trains each separately. It
        changes the last bits of results, and speeds up small models.
    timeout
        Seconds to wait for nodes to connect and identify themselves, and for the
        replies of a round, above 0. A client that does not reply in time counts as
        failed. None means 10 minutes for nodes, and an hour for replies, as in Flower.
        The local runtime ignores it, because threads cannot be stopped.
    """

    workers: int | None = None
    cohort: int = 1
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.workers is not None:
            require_between("workers", self.workers, 1)
        require_between("cohort", self.cohort, 1)
        if self.timeout is not None:
            require_positive("timeout", self.timeout)

    def check(self) -> None:
        """Raise ValueError when the runtime is missing or a setting is invalid."""

    @abstractmethod
    def run(
        self,
        server: "Callable[[Grid], None]",
        client_app: "ClientApp",
        num_clients: int,
    ) -> None:
        """Call the server with a grid in which every node runs the ClientApp."""
