"""What secure aggregation costs a round: ``python -m experiments.benchmarks.secagg``.

It writes docs/results/secagg/cost.csv: bytes a client, and processor seconds of the
server and of a client, beside those of the plain mean. Each is the median over rounds
of a federation on the local runtime whose clients train nothing.
"""

import csv
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable
from flwr.serverapp import Grid

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.rules import Mean
from strategies.secagg import SecAggGrid, secagg_mod
from strategies.transport.arrays import pack_all, unpack_all
from strategies.transport.grids import WrappedGrid

CLIENTS = (10, 30, 100)
# The network of the MNIST tables has so many parameters.
SIZE = 26_010
NEIGHBORS = (None, 20)
ROUNDS = 5
FILE = Path(__file__).parents[2] / "docs" / "results" / "secagg" / "cost.csv"


def main() -> None:
    """Measure, print and write all rows."""
    found = []
    for clients in CLIENTS:
        plain = measure(clients, None, None)
        found.append(plain)
        print(found[-1], flush=True)
        for neighbors in NEIGHBORS:
            if neighbors is None or neighbors < clients - 1:
                found.append(measure(clients, neighbors, plain))
                print(found[-1], flush=True)
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def measure(
    clients: int, neighbors: int | None, plain: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the row of one federation; without ``plain``, that of the plain mean."""
    is_secure = plain is not None
    spent: list[float] = []
    down, up, server, client = zip(
        *rounds(clients, neighbors, is_secure, spent), strict=True
    )
    row: dict[str, Any] = {
        "clients": clients,
        "neighbors": "plain" if not is_secure else (neighbors or "all"),
        "bytes_down": round(statistics.median(down) / clients),
        "bytes_up": round(statistics.median(up) / clients),
    }
    reference = plain or row
    return {
        **row,
        "expansion_down": round(row["bytes_down"] / reference["bytes_down"], 3),
        "expansion_up": round(row["bytes_up"] / reference["bytes_up"], 3),
        "server_seconds": round(statistics.median(server), 4),
        "client_seconds": round(statistics.median(client) / clients, 4),
    }


def rounds(
    clients: int, neighbors: int | None, is_secure: bool, spent: list[float]
) -> Iterator[tuple[int, int, float, float]]:
    """Return bytes down and up, and seconds of the server and of all clients.

    ``spent`` is given the processor seconds of each message that a client handles.
    """
    ids = {FIRST_NODE_ID + i: i for i in range(clients)}
    strategy = RobustStrategy(rule=Mean(), fraction_evaluate=0.0, client_ids=ids)
    made: list[tuple[int, int, float, float]] = []
    started = [0.0]
    with LocalGrid(application(is_secure, spent), clients, workers=1) as local:
        grid: Grid = WrappedGrid(local)
        if is_secure:
            grid = SecAggGrid(local, neighbors=neighbors, client_ids=ids)

        def after_round(round: int, arrays: ArrayRecord) -> None:
            now, report = time.process_time(), strategy.last_round
            if report is not None:
                traffic = (report.bytes_down, report.bytes_up)
                if isinstance(grid, SecAggGrid):
                    traffic = (grid.bytes_down, grid.bytes_up)
                made.append((*traffic, now - started[0] - sum(spent), sum(spent)))
            spent.clear()
            started[0] = time.process_time()

        start = pack_all({"w": np.zeros(SIZE, np.float32)})
        strategy.start(grid, start, num_rounds=ROUNDS + 1, evaluate_fn=after_round)
    return iter(made[1:])  # the first round loads libraries


def application(is_secure: bool, spent: list[float]) -> ClientApp:
    """Return a ClientApp that adds noise, and notes what handling a message costs."""
    made = ClientApp()

    def clock(
        message: Message, context: Context, call_next: ClientAppCallable
    ) -> Message:
        started = time.thread_time()
        reply = call_next(message, context)
        spent.append(time.thread_time() - started)
        return reply

    @made.train(mods=[clock, secagg_mod] if is_secure else [clock])
    def train(message: Message, context: Context) -> Message:
        sent = unpack_all(message.content.array_records["arrays"])
        rng = np.random.default_rng([context.node_id, 7])
        new = {n: v + rng.normal(size=v.shape).astype(v.dtype) for n, v in sent.items()}
        metrics = MetricRecord({"num-examples": 1})
        content = RecordDict({"arrays": pack_all(new), "metrics": metrics})
        return Message(content, reply_to=message)

    return made


if __name__ == "__main__":
    main()
