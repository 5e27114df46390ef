"""RobustStrategy in a Flower ServerApp of its own: no Keras, nothing of fedrobust."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules["fedrobust"] = None  # importing it would raise

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.serverapp.strategy.strategy_utils import aggregate_metricrecords
from flwr.simulation import run_simulation

from strategies import RobustStrategy
from strategies.rules import Mean, Median

client_app, server_app = ClientApp(), ServerApp()

@client_app.train()
def train(message, context):
    client = context.node_config["partition-id"]
    step = np.float32(np.nan if client == 0 else 1e9 if client == 1 else 1)
    if "honest" in message.content.config_records["config"]:
        step = np.float32(client)
    old = message.content.array_records["arrays"]["w"].numpy()
    return Message(RecordDict({
        "arrays": ArrayRecord({"w": Array(old + step)}),
        "metrics": MetricRecord({"num-examples": 10 + client, "loss": client / 4}),
    }), reply_to=message)

@client_app.evaluate()
def evaluate(message, context):
    client = context.node_config["partition-id"]
    w = message.content.array_records["arrays"]["w"].numpy()
    metrics = MetricRecord({"num-examples": 1 + client, "value": float(w[0])})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)

@client_app.query()
def query(message, context):
    metrics = MetricRecord({"partition-id": context.node_config["partition-id"]})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)

@server_app.main()
def main(grid, context):
    strategy = RobustStrategy(rule=Median(), min_available_nodes=5)
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    result = strategy.start(grid, start, num_rounds=2)
    print("RESULT", result.arrays["w"].numpy().tolist(),
          list(strategy.last_round.quarantined), flush=True)
    honest = ConfigRecord({"honest": 1})
    for strategy in (
        FedAvg(min_available_nodes=5),
        RobustStrategy(
            rule=Mean(weighted=True),
            min_available_nodes=5,
            train_metrics_aggr_fn=aggregate_metricrecords,
            evaluate_metrics_aggr_fn=aggregate_metricrecords,
        ),
    ):
        found = strategy.start(grid, start, num_rounds=2, train_config=honest)
        print("FOUND", {
            "arrays": found.arrays["w"].numpy().round(5).tolist(),
            "train": {r: [(k, round(v, 5)) for k, v in m.items()] for r, m in
                      found.train_metrics_clientapp.items()},
            "evaluate": {r: [(k, round(v, 5)) for k, v in m.items()] for r, m in
                         found.evaluate_metrics_clientapp.items()},
        }, flush=True)

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
    # Client 0 sends NaN: its id is the partition, not the rank of its node.
    assert "RESULT [2.0, 2.0, 2.0] [0]" in done.stdout, done.stderr[-3000:]
    fedavg, robust = [
        line for line in done.stdout.splitlines() if line.startswith("FOUND")
    ]
    assert "'value'" in fedavg
    assert robust == fedavg
