"""A Flower app with privacy twice over: noise by each client, and noise by the server.

Either works alone. The noise of a client protects it from everybody, the server too,
and costs the most accuracy. That of the server is smaller, and clients must trust it.
"""

import secrets

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

from strategies import RobustStrategy
from strategies.mods import local_dp_mod
from strategies.postprocessors import ClientDP
from strategies.rules import Mean

NUM_CLIENTS, SHARE, CLIP = 20, 0.5, 0.5
TRUE = np.array([1.0, -2.0, 3.0])
client_app, server_app = ClientApp(), ServerApp()


# With a seed the noise can be repeated, by whoever knows it; leave it out in earnest.
@client_app.train(mods=[local_dp_mod(clip=CLIP, noise_multiplier=0.3, seed=0)])
def train(message, context):
    """Take a step of least squares on the client's own data."""
    rng = np.random.default_rng(int(context.node_config["partition-id"]))
    x = rng.normal(size=(100, 3))
    w = message.content["arrays"]["w"].numpy()
    new = w - 0.5 * x.T @ (x @ w - x @ TRUE) / len(x)
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
    """Train for 30 rounds; in each, every client takes part with probability 1/2."""
    # Without a seed the noise comes from the operating system.
    private = ClientDP(
        clip=CLIP, noise_multiplier=1.0, expected_clients=SHARE * NUM_CLIENTS
    )
    strategy = RobustStrategy(
        rule=Mean(),
        postprocessors=[private],
        sampling="poisson",
        fraction_train=SHARE,
        # Sampling is only as secret as its seed, and makes the rounds more private.
        sampling_seed=secrets.randbits(128),
        min_available_nodes=NUM_CLIENTS,
        fraction_evaluate=0.0,
    )
    start = ArrayRecord({"w": Array(np.zeros(3))})
    result = strategy.start(grid, start, num_rounds=30)
    print("noise of the server", strategy.last_round.postprocessed[0]["noise_std"])
    # The noise is drawn anew each time, and is far below one.
    print("learned", result.arrays["w"].numpy().round())


if __name__ == "__main__":
    run_simulation(server_app, client_app, num_supernodes=NUM_CLIENTS)
