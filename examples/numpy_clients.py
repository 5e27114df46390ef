"""A Flower app whose clients use NumPy alone; one of them lies, and Krum holds."""

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

from strategies import RobustStrategy
from strategies.rules import Krum

TRUE = np.array([1.0, -2.0, 3.0])
client_app, server_app = ClientApp(), ServerApp()


@client_app.train()
def train(message, context):
    """Take a step of least squares on the client's own data."""
    client = int(context.node_config["partition-id"])
    rng = np.random.default_rng(client)
    x = rng.normal(size=(100, 3))
    y = x @ TRUE + 0.1 * rng.normal(size=100)
    w = message.content["arrays"]["w"].numpy()
    new = w - 0.5 * x.T @ (x @ w - y) / len(x)
    if client == 0:
        new = w + 100.0  # this client lies
    content = RecordDict({"arrays": ArrayRecord({"w": Array(new)})})
    content["metrics"] = MetricRecord({"num-examples": len(x)})
    return Message(content, reply_to=message)


@client_app.query()
def query(message, context):
    """Name the partition, so that a client keeps its id from run to run."""
    metrics = MetricRecord({"partition-id": context.node_config["partition-id"]})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


@server_app.main()
def main(grid, context):
    """Train for ten rounds."""
    strategy = RobustStrategy(
        rule=Krum(f=1), min_available_nodes=5, fraction_evaluate=0.0
    )
    start = ArrayRecord({"w": Array(np.zeros(3))})
    result = strategy.start(grid, start, num_rounds=10)
    print("learned", result.arrays["w"].numpy().round(1))


if __name__ == "__main__":
    run_simulation(server_app, client_app, num_supernodes=5)
