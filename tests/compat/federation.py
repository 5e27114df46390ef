"""A federation of six clients, one of them hostile, on any Flower from 1.21 on.

It needs Flower and `strategies` alone, and runs in a process that Flower did not start.
`python -m tests.compat.federation` exits with 1 unless the outcome is as expected.
"""

from collections.abc import Callable, Iterable

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from strategies import RobustStrategy
from strategies.rules import Krum, Median, Rule

NUM_CLIENTS, ROUNDS = 6, 3
# Clients 0 to 4 step by 1, 2, 4, 8 and 16; client 5 sends NaN.
STEPS = (1.0, 2.0, 4.0, 8.0, 16.0, float("nan"))
# Three times 2, whose nearest two neighbours are nearest (1 + 4), and 4, in the middle.
EXPECTED = {Krum(f=1): 6.0, Median(): 12.0}


def identify_process() -> None:
    """Let this process create messages, which needs this since Flower 1.38."""
    try:
        from flwr.supercore.task_identity import TaskIdentity
    except ImportError:
        return
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def train(message: Message, step: float) -> Message:
    """Reply as a client that adds its step to the global arrays."""
    arrays = message.content.array_records["arrays"]
    trained = {name: Array(array.numpy() + step) for name, array in arrays.items()}
    content = {
        "arrays": ArrayRecord(trained),
        "metrics": MetricRecord({"num-examples": 10, "train_loss": 0.5}),
    }
    return Message(RecordDict(content), reply_to=message)


class InProcess(Grid):
    """A grid whose nodes are a function of this process.

    Parameters
    ----------
    answer
        The reply to a message for a node.
    nodes
        Ids of the nodes.
    """

    def __init__(
        self, answer: Callable[[Message, int], Message], nodes: Iterable[int]
    ) -> None:
        identify_process()
        self._answer, self._nodes = answer, list(nodes)
        self._replies: dict[str, Message] = {}

    def set_run(self, *args, **kwargs):
        """Do nothing: there is no SuperLink to ask for a run."""

    @property
    def run(self):
        raise NotImplementedError

    def create_message(self, *args, **kwargs):
        raise NotImplementedError

    def get_node_ids(self):
        return self._nodes

    def push_messages(self, messages):
        ids = []
        for message in messages:
            ids.append(f"message-{len(self._replies) + 1}")
            reply = self._answer(message, message.metadata.dst_node_id)
            self._replies[ids[-1]] = reply
        return ids

    def pull_messages(self, message_ids):
        return [self._replies[i] for i in message_ids]

    def send_and_receive(self, messages, *, timeout=None):
        return self.pull_messages(self.push_messages(list(messages)))


def play(rule: Rule) -> tuple[list[float], dict[int, str]]:
    """Train; the model, and the clients quarantined in the last round, with reasons."""
    client_ids = {client + 1: client for client in range(NUM_CLIENTS)}
    grid = InProcess(lambda message, node: train(message, STEPS[node - 1]), client_ids)
    strategy = RobustStrategy(rule=rule, client_ids=client_ids, f=1)
    start = ArrayRecord({"w": Array(np.zeros(2, np.float32))})
    result = strategy.start(grid, start, num_rounds=ROUNDS)
    return result.arrays["w"].numpy().tolist(), strategy.last_round.quarantined


def check(rule: Rule) -> None:
    """Raise AssertionError where the outcome is not the one expected."""
    found, expected = play(rule), [EXPECTED[rule]] * 2
    assert found == (expected, {5: "array 'w' is not finite"}), (rule, found)


if __name__ == "__main__":
    for rule in EXPECTED:
        check(rule)
    print("as expected")
