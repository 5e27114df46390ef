"""Grids that are not Flower's, and what is trained over them."""

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from fedrobust.runtime.flower import identify_process
from strategies import RobustStrategy
from strategies.rules import Mean

NUM_CLIENTS = 6


def trained(message: Message, value: float) -> Message:
    arrays = ArrayRecord({"w": Array(np.full(3, value, np.float32))})
    metrics = MetricRecord({"num-examples": 5})
    return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)


class Foreign(Grid):
    """A grid that gives ids of its own and leaves the messages without any.

    ``push`` changes the ids that it gives, ``pull`` the replies to one message, and
    ``names`` the node that each node says it is; ``id_of`` numbers the messages.
    """

    def __init__(
        self,
        push=lambda ids: ids,
        pull=lambda replies: replies,
        names=None,
        id_of="future-{}".format,
    ):
        identify_process()
        self._id_of = id_of
        self._push, self._pull, self._names = push, pull, names or {}
        self._replies: dict[str, Message] = {}

    def set_run(self, run):
        raise NotImplementedError

    def run(self):
        raise NotImplementedError

    def create_message(self, *args, **kwargs):
        raise NotImplementedError

    def get_node_ids(self):
        return range(1, NUM_CLIENTS + 1)

    def push_messages(self, messages):
        ids = []
        for message in messages:
            node = message.metadata.dst_node_id
            reply = trained(message, 1 + node / 100)
            reply.metadata.__dict__["_src_node_id"] = self._names.get(node, node)
            ids.append(self._id_of(len(self._replies)))
            self._replies[ids[-1]] = reply
        return self._push(ids)

    def pull_messages(self, message_ids):
        return self._pull([self._replies[i] for i in message_ids])

    def send_and_receive(self, messages, *, timeout=None):
        raise NotImplementedError


def train_over(grid: Grid) -> tuple[RobustStrategy, float]:
    strategy = RobustStrategy(
        rule=Mean(), client_ids={i + 1: i for i in range(NUM_CLIENTS)}
    )
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    result = strategy.start(grid, start, num_rounds=2, timeout=1)
    return strategy, float(result.arrays["w"].numpy()[0])
