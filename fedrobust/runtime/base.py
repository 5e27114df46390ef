"""What a runtime is: it gives the server a grid of clients."""

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
    """How clients are run.

    Parameters
    ----------
    workers
        Clients at the same time; None means one a core. It never changes a result.
    cohort
        Clients trained by one program; 1 trains each by itself. It changes results in
        their last bits, and pays for small models.
    timeout
        Seconds to wait for nodes to come and tell who they are, and for the replies of
        a round, above 0; who is late has failed. None means 10 minutes, and an hour as
        Flower does. Threads of this process are waited for.
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
        """Raise ValueError when the runtime is not installed."""

    @abstractmethod
    def run(
        self,
        server: "Callable[[Grid], None]",
        client_app: "ClientApp",
        num_clients: int,
    ) -> None:
        """Call the server with a grid whose nodes each run the ClientApp."""
