"""The message path alone: clients reply at once, with 0.43 million values."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from flwr.app import (
    Array,
    ArrayRecord,
    Context,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid

VALUES = 431_080


def app() -> ClientApp:
    """Return a client that sends the arrays back."""
    made = ClientApp()

    @made.train()
    def train(message: Message, context: Context) -> Message:
        content = RecordDict(
            {
                "arrays": message.content.array_records["arrays"],
                "metrics": MetricRecord({"num-examples": 1}),
            }
        )
        return Message(content, reply_to=message)

    return made


def one_round(grid: Grid, nodes: Iterable[int]) -> Mapping[str, Any]:
    """Send the arrays to every node and receive theirs."""
    arrays = ArrayRecord({"w": Array(np.ones(VALUES, np.float32))})
    began = time.perf_counter()
    messages = [
        Message(
            content=RecordDict({"arrays": arrays}),
            message_type=MessageType.TRAIN,
            dst_node_id=node,
            group_id="1",
        )
        for node in nodes
    ]
    replies = list(grid.send_and_receive(messages))
    seconds = time.perf_counter() - began
    answered = sum(reply.has_content() for reply in replies)
    return {"value": seconds, "work": {"clients": answered}}


def ours(clients: str) -> Any:
    """Measure the local grid."""
    from fedrobust.runtime.flower import quiet
    from fedrobust.runtime.local_grid import LocalGrid
    from strategies.threads import num_cores

    quiet()
    grid = LocalGrid(app(), int(clients), num_cores())
    grid.__enter__()
    return lambda: one_round(grid, grid.get_node_ids())


def a_client(clients: str) -> Any:
    """Return a function that measures the mean microseconds per client and round."""
    measure_round = ours(clients)
    repeats = max(1, 1000 // int(clients))

    def measure() -> Mapping[str, Any]:
        seconds = sum(measure_round()["value"] for _ in range(repeats))
        return {"value": 1e6 * seconds / (repeats * int(clients))}

    return measure


def ray(clients: str) -> Any:
    """Measure Flower's simulation: two actors with a core each, a run for each time."""
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    def measure() -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = []
        server = ServerApp()

        @server.main()
        def main(grid: Grid, context: Context) -> None:
            nodes: list[int] = []
            while len(nodes) < int(clients):
                nodes = list(grid.get_node_ids())
            one_round(grid, nodes[:10])  # actors start with their first message
            found.append(one_round(grid, nodes))

        run_simulation(
            server,
            app(),
            num_supernodes=int(clients),
            backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
        )
        return found[0]

    return measure
