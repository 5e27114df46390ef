"""What the data scientist runs: RobustStrategy over SyftGrid.

It leaves result.json and model.npz in OUTPUT_DIR. Only these tell whether the training
succeeded: syft-flwr exits with 0 also when this app raised.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import atomic_writes  # noqa: F401
import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from model import arrays_of, build_model
from syft_guard import SyftGuard

from strategies import RobustStrategy
from strategies.rules import Median

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Train over SyftGrid, whose ``client_map`` has the e-mail of each node."""
    folder = Path(os.environ["OUTPUT_DIR"])
    train(SyftGuard(grid), grid.client_map, context.run_config, folder)


def train(
    grid: Grid, owners: Mapping[int, str], config: Mapping[str, Any], folder: Path
) -> None:
    """Train with the owners, by node id, and write what came of it to a folder."""
    names = sorted(owners.values())
    events = []

    def tell(event: Mapping[str, Any]) -> None:
        client = event["client"]
        owner = None if client is None else names[client]
        events.append({**event, "client": owner})

    strategy = RobustStrategy(
        rule=Median(),
        f=1,
        client_ids={node: names.index(owner) for node, owner in owners.items()},
        num_clients=len(names),
        fraction_evaluate=1.0,
        evaluate_range=(0.0, 1.0),
        on_event=tell,
    )
    result = strategy.start(
        grid,
        arrays_of(build_model()),
        num_rounds=config["num-server-rounds"],
        # Without one, Flower waits an hour for each owner who does not reply.
        timeout=config["timeout"],
    )
    arrays = {name: array.numpy() for name, array in result.arrays.items()}
    np.savez(folder / "model.npz", **arrays)
    found = {
        "rounds": strategy.last_round.round,
        "accepted": [names[client] for client in strategy.last_round.accepted],
        "evaluation": strategy.last_round.evaluation,
        "events": events,
    }
    (folder / "result.json").write_text(json.dumps(found, indent=2) + "\n")
