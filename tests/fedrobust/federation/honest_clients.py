"""A federation whose clients each add their number, and its messages."""

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedrobust.runtime.local_grid import FIRST_NODE_ID


def honest_app(mods=()) -> ClientApp:
    """Client i adds i + 1 to every learned value and says its statistic is i."""
    app = ClientApp()

    @app.train(mods=list(mods))
    def train(message, context):
        client = context.node_config["partition-id"]
        if client == 4:
            raise RuntimeError("client 4 is down")
        old = message.content.array_records["arrays"]
        arrays = {
            "w": Array(old["w"].numpy() + np.float32(client + 1)),
            "bn": Array(np.full(1, client, np.float32)),
        }
        content = {
            "arrays": ArrayRecord(arrays),
            "metrics": MetricRecord({"num-examples": 10}),
        }
        return Message(RecordDict(content), reply_to=message)

    return app


def train_messages(n: int) -> list[Message]:
    arrays = ArrayRecord(
        {"w": Array(np.full(2, 10, np.float32)), "bn": Array(np.zeros(1, np.float32))}
    )
    config = ConfigRecord({"server-round": 1})
    return [
        Message(
            RecordDict({"arrays": arrays, "config": config}),
            FIRST_NODE_ID + i,
            "train",
            group_id="1",
        )
        for i in range(n)
    ]


def updates_of(replies) -> dict[int, np.ndarray]:
    return {
        r.metadata.src_node_id - FIRST_NODE_ID: r.content.array_records["arrays"][
            "w"
        ].numpy()
        - 10
        for r in replies
        if r.has_content()
    }
