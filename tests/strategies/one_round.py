"""One round of a strategy without a grid: its messages, and replies to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord

from fedrobust.runtime.flower import identify_process
from strategies import RobustStrategy
from strategies.rules import Rule
from tests.messages import reply

NODE = 100  # the node id of client 0; clients are numbered on


def record(**arrays: Any) -> ArrayRecord:
    """An ArrayRecord of float32 arrays; a number is an array of one value."""
    return ArrayRecord(
        {
            name: Array(np.atleast_1d(np.asarray(value, np.float32)))
            for name, value in arrays.items()
        }
    )


def replies_of(
    models: Sequence[ArrayRecord],
    num_examples: Sequence[Any] | None = None,
    round: int = 1,
) -> list[Message]:
    """Reply with one model a client, who says it saw so many examples."""
    counts = [10] * len(models) if num_examples is None else num_examples
    return [
        reply(model, MetricRecord({"num-examples": n}), node=NODE + client, round=round)
        for client, (model, n) in enumerate(zip(models, counts, strict=True))
    ]


def configured(
    rule: Rule,
    num_clients: int,
    initial: ArrayRecord,
    events: list[Mapping[str, Any]] | None = None,
    absent: int = 0,
    **kwargs: Any,
) -> RobustStrategy:
    """A strategy that has sent its messages of round 1; absent clients got none."""
    identify_process()
    strategy = RobustStrategy(
        rule=rule,
        num_clients=num_clients + absent,
        client_ids={NODE + client: client for client in range(num_clients)},
        on_event=None if events is None else events.append,
        **kwargs,
    )
    list(strategy.configure_train(1, initial, ConfigRecord(), None))
    return strategy
