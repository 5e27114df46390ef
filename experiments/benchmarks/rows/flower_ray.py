"""W1 in Flower's simulation, with a client like that of its Keras quickstart."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from experiments.benchmarks.data import MEAN, STD, mnist

CLIENTS, SAMPLES, ROUNDS = 10, 600, 3


def model() -> Any:
    """Build ByzFL's cnn_mnist and compile it, as the client does for every message."""
    import keras

    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / STD, -MEAN / STD),
            layers.Conv2D(20, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(50, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(500, activation="relu"),
            layers.Dense(10),
        ]
    )
    made.compile(
        keras.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return made


def app() -> ClientApp:
    """Return the client: it builds the model, sets the weights, fits and replies."""
    made = ClientApp()

    @made.train()
    def train(message: Message, context: Context) -> Message:
        import keras

        keras.backend.clear_session()
        own = model()
        own.set_weights(message.content.array_records["arrays"].to_numpy_ndarrays())
        client = int(context.node_config["partition-id"])
        x, y = mnist(CLIENTS * SAMPLES)
        rows = slice(client * SAMPLES, (client + 1) * SAMPLES)
        history = own.fit(x[rows, :, :, None], y[rows], 32, epochs=1, verbose=0)
        metrics = MetricRecord(
            {
                "num-examples": SAMPLES,
                "train_loss": history.history["loss"][-1],
                "local_steps": int(np.asarray(own.optimizer.iterations)),
            }
        )
        arrays = ArrayRecord(own.get_weights())
        return Message(
            RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message
        )

    return made


def w1(cores: str) -> Any:
    """Measure the mean seconds of the rounds after the first."""

    def measure() -> Mapping[str, Any]:
        ends: list[float] = []
        metrics: dict[str, Any] = {}
        server = ServerApp()

        @server.main()
        def main(grid: Grid, context: Context) -> None:
            def evaluate(round: int, arrays: ArrayRecord) -> None:
                ends.append(time.perf_counter())

            strategy = FedAvg(fraction_evaluate=0.0, min_available_nodes=CLIENTS)
            arrays = ArrayRecord(model().get_weights())
            result = strategy.start(
                grid, arrays, num_rounds=ROUNDS, evaluate_fn=evaluate
            )
            metrics.update(result.train_metrics_clientapp[ROUNDS])

        run_simulation(
            server,
            app(),
            num_supernodes=CLIENTS,
            backend_config={
                "client_resources": {"num_cpus": int(cores), "num_gpus": 0.0}
            },
        )
        # Leave out the evaluation before round 1, and round 1, which starts the actors.
        seconds = (ends[-1] - ends[1]) / (ROUNDS - 1)
        work = {"steps": metrics["local_steps"], "loss": metrics["train_loss"]}
        return {"value": seconds, "work": work}

    return measure
