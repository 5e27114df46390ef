"""Messages for tests of what handles them."""

from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict

from fedrobust.runtime.flower import give_id, identify_process


def global_arrays(value: float = 0.0) -> ArrayRecord:
    """Two arrays of a tiny model: (2, 2) and (3,) float32."""
    return ArrayRecord(
        {
            "weight": Array(np.full((2, 2), value, np.float32)),
            "bias": Array(np.full(3, value, np.float32)),
        }
    )


def train_message(node: int = 7, round: int = 1) -> Message:
    """An instruction to train, as a strategy sends it."""
    identify_process()
    message = Message(
        RecordDict({"arrays": global_arrays()}), node, "train", group_id=str(round)
    )
    give_id(message)
    return message


def reply(
    arrays: Any = None, metrics: Any = None, node: int = 7, round: int = 1
) -> Message:
    """A reply to it; an honest one unless told otherwise."""
    content: dict[str, Any] = {}
    if arrays is not False:
        content["arrays"] = global_arrays(1.0) if arrays is None else arrays
    if metrics is not False:
        good = MetricRecord({"num-examples": 10, "train_loss": 0.5})
        content["metrics"] = good if metrics is None else metrics
    return Message(RecordDict(content), reply_to=train_message(node, round))
