"""A Flower app with secure sums: Flower's own FedAvg learns the mean, and no update.

The client's side is a mod and the server's side a grid; nothing else changes.
"""

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from strategies.secagg import SecAggGrid, secagg_mod

NUM_CLIENTS = 4
TRUE = np.array([1.0, -2.0, 3.0])
client_app, server_app = ClientApp(), ServerApp()


@client_app.train(mods=[secagg_mod])
def train(message, context):
    """Take a step of least squares on the client's own data."""
    rng = np.random.default_rng(int(context.node_config["partition-id"]))
    x = rng.normal(size=(100, 3))
    w = message.content["arrays"]["w"].numpy()
    new = w - 0.5 * x.T @ (x @ w - x @ TRUE) / len(x)
    content = RecordDict({"arrays": ArrayRecord({"w": Array(new)})})
    content["metrics"] = MetricRecord({"num-examples": len(x)})
    return Message(content, reply_to=message)


@server_app.main()
def main(grid, context):
    """Train for ten rounds; a value of an update is at most 4."""
    strategy = FedAvg(min_available_nodes=NUM_CLIENTS, fraction_evaluate=0.0)
    start = ArrayRecord({"w": Array(np.zeros(3))})
    secure = SecAggGrid(grid, clip=4.0, on_event=print)
    result = strategy.start(secure, start, num_rounds=10)
    print("learned", result.arrays["w"].numpy().round(1))


if __name__ == "__main__":
    run_simulation(server_app, client_app, num_supernodes=NUM_CLIENTS)
