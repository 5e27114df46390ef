"""Waiting for the nodes of a federation."""

import logging
import time
from logging import INFO

from flwr.serverapp import Grid

log = logging.getLogger("flwr").log


def wait_for_nodes(grid: Grid, minimum: int, timeout: float = 600.0) -> list[int]:
    """Wait until enough nodes are connected.

    Parameters
    ----------
    grid
        Grid of the ServerApp.
    minimum
        Number of nodes to wait for.
    timeout
        Most seconds to wait.

    Returns
    -------
    Sorted node ids.

    Raises
    ------
    TimeoutError
        When fewer are connected by then.
    """
    deadline = time.monotonic() + timeout
    while len(nodes := sorted(grid.get_node_ids())) < minimum:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{len(nodes)} of {minimum} nodes connected within {timeout:.0f} s: "
                "start the missing SuperNodes or lower the number of clients"
            )
        log(INFO, "Waiting for nodes: %d of %d connected.", len(nodes), minimum)
        time.sleep(0.2)
    return nodes
