"""What a data owner approves: train on a table of their own, and reply with weights.

Every owner runs this same code. syft-flwr tells it by DATA_DIR where the owner's data
lie; they are not dealt out by a partition id, which is 0 for every owner there.
"""

import os
from pathlib import Path

import atomic_writes  # noqa: F401
import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from model import arrays_of, num_correct, with_arrays

app = ClientApp()


def load_data() -> tuple[np.ndarray, np.ndarray]:
    """Return this owner's features (n, 8) float32 and labels (n,)."""
    with np.load(Path(os.environ["DATA_DIR"]) / "table.npz") as table:
        return table["x"], table["y"]


@app.train()
def train(message: Message, context: Context) -> Message:
    """Train two epochs."""
    x, y = load_data()
    model = with_arrays(message.content["arrays"])
    model.fit(x, y, batch_size=20, epochs=2, shuffle=False, verbose=0)
    return reply(message, len(x), arrays_of(model))


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Measure the accuracy of the global model on this owner's data."""
    x, y = load_data()
    correct = num_correct(with_arrays(message.content["arrays"]), x, y)
    return reply(message, len(x), accuracy=correct / len(x))


def reply(
    message: Message, n: int, arrays: ArrayRecord | None = None, **metrics: float
) -> Message:
    """Reply with n examples, and with weights or metrics."""
    content = RecordDict({"metrics": MetricRecord({"num-examples": n, **metrics})})
    if arrays is not None:
        content["arrays"] = arrays
    return Message(content, reply_to=message)
