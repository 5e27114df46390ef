"""The ray runtime: Flower's own simulation engine, on one machine or a Ray cluster.

The same ClientApp as everywhere; each Ray actor builds its model and traces its graphs
once. Flower deprecates the Python entry point of its simulation; only here is it used.
"""

import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedrobust import vectors
from fedrobust.errors import RunFailedError
from fedrobust.runtime.base import Runtime
from fedrobust.signals import handlers_kept
from strategies.threads import num_cores
from strategies.validation import require

if TYPE_CHECKING:
    from flwr.app import Message
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
        import ray
        from flwr.app import Context
        from flwr.serverapp import ServerApp
        from flwr.simulation import run_simulation

        server_app = ServerApp()
        ended = threading.Event()

        @server_app.main()
        def main(grid: "Grid", _: Context) -> None:
            _raise_after(ended, grid)
            server(grid)

        resources: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0.0}
        # Flower would start Ray, too, but give SIGTERM to a handler of Ray's for good.
        self._start()
        try:
            run_simulation(
                server_app,
                client_app,
                num_supernodes=num_clients,
                backend_config={"client_resources": resources},
            )
        finally:
            ended.set()
            ray.shutdown()

    def _start(self) -> None:
        """Start Ray, or join it.

        Raises
        ------
        RunFailedError
            When there is no such cluster, or Ray does not start.
        """
        import ray

        # Unless told so, Ray joins whatever cluster already runs on this machine.
        where: dict[str, Any] = {"address": self.address or "local"}
        if self.address is None:
            where["num_cpus"] = self.workers or num_cores()
        environment = {
            "env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)},
            "worker_process_setup_hook": f"{__name__}.{prepare.__name__}",
        }
        try:
            with handlers_kept():
                ray.init(
                    **where,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.WARNING,
                    runtime_env=environment,
                )
        except Exception as error:
            reason = " ".join(str(error).split())
            given = self.address is not None
            key = f"runtime.address={self.address}" if given else "runtime=ray"
            raise RunFailedError(f"{key}: Ray cannot be used: {reason}") from error


def _raise_after(ended: threading.Event, grid: "Grid") -> None:
    """Let a grid wait for no reply that nobody is left to send.

    Else the thread of the server, and with it the process, would wait for a timeout.
    """
    pull = grid.pull_messages

    def checked(message_ids: "Iterable[str]") -> "Iterable[Message]":
        if ended.is_set():
            raise RunFailedError("the runtime ended before the last round")
        return pull(message_ids)

    grid.pull_messages = checked  # type: ignore[method-assign]


def prepare() -> None:
    """Import ours in an actor before Ray puts the current folder first in its path."""
    importlib.import_module("strategies.validation")
