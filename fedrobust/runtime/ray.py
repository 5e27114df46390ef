"""The ray runtime: Flower's own simulation engine, on one machine or a Ray cluster.

The same ClientApp as everywhere; each Ray actor builds its model and traces its graphs
once. Flower deprecates the Python entry point of its simulation; only here is it used.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedrobust import vectors
from fedrobust.runtime.base import Runtime
from strategies.parameters import require
from strategies.threads import num_cores

if TYPE_CHECKING:
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid


@dataclass(frozen=True, kw_only=True)
class Ray(Runtime):
    """Run clients in Ray actors, one core each.

    Parameters
    ----------
    address
        Ray cluster to join, whose cores are all used; None starts Ray on this machine
        with ``workers`` cores.
    """

    address: str | None = None

    def check(self) -> None:
        """Raise ValueError when Ray is not installed, or cannot do what is asked."""
        require(
            self.cohort == 1, "cohort", self.cohort, "1, as clients do not share actors"
        )
        require(
            self.workers is None or self.address is None,
            "workers",
            self.workers,
            f"null with runtime.address={self.address}: a cluster that is joined has "
            "the cores that it was started with",
        )
        if self.address is not None and vectors.are_held():
            raise ValueError(
                f"runtime.address={self.address}: must be null under "
                f"{vectors.VARIABLE}=AVX2, which does not reach a cluster that is "
                "joined"
            )
        if importlib.util.find_spec("ray") is None:
            raise ValueError(
                "runtime=ray needs Ray: pip install 'fedrobust[simulation]'"
            )

    def run(
        self,
        server: "Callable[[Grid], None]",
        client_app: "ClientApp",
        num_clients: int,
    ) -> None:
        """Run the server as a ServerApp of Flower's simulation."""
        from flwr.app import Context
        from flwr.serverapp import ServerApp
        from flwr.simulation import run_simulation

        server_app = ServerApp()

        @server_app.main()
        def main(grid: "Grid", _: Context) -> None:
            server(grid)

        init_args: dict[str, Any] = {"log_to_driver": False}
        if self.address is None:
            # Unless told so, Ray joins whatever cluster already runs on this machine.
            init_args["address"] = "local"
            init_args["num_cpus"] = self.workers or num_cores()
        else:
            init_args["address"] = self.address
        resources: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0.0}
        run_simulation(
            server_app,
            client_app,
            num_supernodes=num_clients,
            backend_config={"init_args": init_args, "client_resources": resources},
        )
