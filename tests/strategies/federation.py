"""A federation of seven NumPy clients, one of which may be hostile."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.rules import Rule
from strategies.transport.arrays import unpack
from tests.conformance.members import MEMBERS
from tests.messages import global_arrays
from tests.strategies import one_round
from tests.strategies.one_round import record, replies_of

NUM_CLIENTS = 7
BAD = 2


def honest_reply(message: Message, client: int) -> Message:
    """Add 1 + client / 100 to every value."""
    # Not Array.numpy: on Python 3.11 np.load may fail where several threads call it.
    step = np.float32(1 + client / 100)
    arrays = {
        name: Array(unpack(array) + step)
        for name, array in message.content.array_records["arrays"].items()
    }
    metrics = MetricRecord({"num-examples": 10, "train_loss": float(client)})
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
    return Message(content, reply_to=message)


def federation(bad: Callable[[Message], Message] | None = None) -> ClientApp:
    """A NumPy ClientApp in which one client may misbehave."""
    app = ClientApp()

    @app.train()
    def train(message, context):
        client = context.node_config["partition-id"]
        if bad is not None and client == BAD:
            return bad(message)
        return honest_reply(message, client)

    @app.evaluate()
    def evaluate(message, context):
        client = context.node_config["partition-id"]
        if bad is not None and client == BAD:
            return bad(message)
        metrics = MetricRecord({"num-examples": 1 + client, "accuracy": client / 10})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


METRICS = MetricRecord({"num-examples": 10, "train_loss": 0.0})


def sends(content: dict) -> Callable[[Message], Message]:
    """A client that always answers this."""
    return lambda message: Message(RecordDict(dict(content)), reply_to=message)


def start(
    app: ClientApp, num_rounds: int = 2, num_clients: int = NUM_CLIENTS, **kwargs
):
    events: list[dict] = []
    ids = {FIRST_NODE_ID + client: client for client in range(num_clients)}
    kwargs = {"fraction_evaluate": 0.0, "client_ids": ids, **kwargs}
    strategy = RobustStrategy(
        on_event=events.append, train_on_root=train_on_root, **kwargs
    )
    with LocalGrid(app, num_clients, workers=2) as grid:
        result = strategy.start(grid, global_arrays(), num_rounds=num_rounds)
    return result, strategy, events


def among_seven(rule: Rule) -> Rule:
    """The same rule for seven clients of whom one is Byzantine."""
    changes = {"f": 1, "trusted": 4}
    return replace(
        rule, **{k: v for k, v in changes.items() if getattr(rule, k) is not None}
    )


RULES = [among_seven(member.rule) for member in MEMBERS]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def train_on_root(round, arrays):
    """What the server's own data would have it learn: one more, everywhere."""
    return {name: value + np.float32(1) for name, value in arrays.items()}


def random_models(rng) -> list[ArrayRecord]:
    """Seven models that moved roughly one way from 0."""
    values = 0.5 + 0.3 * rng.normal(size=(NUM_CLIENTS, 40))
    return [record(w=row[:30], b=row[30:]) for row in values]


def prepared(rule, **kwargs):
    """A strategy of seven clients that waits for the replies of round 1."""
    initial = record(w=np.zeros(30), b=np.zeros(10))
    return one_round.configured(
        rule, NUM_CLIENTS, initial, train_on_root=train_on_root, **kwargs
    )


def one_value_round(rule, values, num_examples=None, **kwargs):
    """The report of one round on a model of one value, which is 0."""
    strategy = one_round.configured(rule, len(values), record(w=0), **kwargs)
    replies = replies_of([record(w=value) for value in values], num_examples)
    strategy.aggregate_train(1, replies)
    return strategy.last_round
