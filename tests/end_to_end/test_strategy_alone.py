"""RobustStrategy in a Flower ServerApp of its own: no Keras, nothing of fedrobust."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules["fedrobust"] = None  # importing it would raise

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

from strategies import RobustStrategy
from strategies.rules import Median

client_app, server_app = ClientApp(), ServerApp()

@client_app.train()
def train(message, context):
    client = context.node_config["partition-id"]
    step = np.float32(np.nan if client == 0 else 1e9 if client == 1 else 1)
    old = message.content.array_records["arrays"]["w"].numpy()
    return Message(RecordDict({
        "arrays": ArrayRecord({"w": Array(old + step)}),
        "metrics": MetricRecord({"num-examples": 10}),
    }), reply_to=message)

@server_app.main()
def main(grid, context):
    strategy = RobustStrategy(rule=Median(), min_available_nodes=5)
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    result = strategy.start(grid, start, num_rounds=2)
    print("RESULT", result.arrays["w"].numpy().tolist(),
          len(strategy.last_round.quarantined), flush=True)

run_simulation(server_app, client_app, num_supernodes=5, backend_config={
    "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
    "init_args": {"num_cpus": 2},
})
"""


def test_under_flowers_own_simulation():
    pytest.importorskip("ray")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300
    )
    assert "RESULT [2.0, 2.0, 2.0] 1" in done.stdout, done.stderr[-3000:]
