"""The replies of a round: whose each is, which count, and what they say together."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from flwr.app import ArrayRecord, Message
from numpy.typing import NDArray

from strategies.linalg.rows import Matrix
from strategies.screening import MalformedReplyError, Reply
from strategies.threads import parallel_map
from strategies.transport.text import plain
from strategies.updates import difference, num_values

T = TypeVar("T")


@dataclass
class Sorted(Generic[T]):
    """What was read of the replies that count, and why others do not.

    Attributes
    ----------
    accepted
        What was read, by client id.
    quarantined, failed
        Reasons by client id: a reply that is not well formed; an error, or no reply.
    unexpected
        Reasons why replies of nobody who was asked do not count.
    """

    accepted: dict[int, T] = field(default_factory=dict)
    quarantined: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)


def sort_replies(
    replies: Iterable[Message],
    asked: Mapping[int, int],
    group: str,
    read: Callable[[Message], T],
) -> Sorted[T]:
    """Sort replies by client id, and out; nothing that a client sends raises.

    Parameters
    ----------
    replies
        In any order, which changes nothing.
    asked
        Client id by node.
    group
        Group id of the messages that they were sent.
    read
        Reads a reply with content, or raises MalformedReplyError.
    """
    found: Sorted[T] = Sorted()
    outcomes: tuple[dict[int, Any], ...]
    outcomes = (found.accepted, found.quarantined, found.failed)
    for message in replies:
        node, given = message.metadata.src_node_id, message.metadata.group_id
        client = asked.get(node)
        if client is None or given != group:
            found.unexpected.append(
                f"node {node} answered group {plain(given, 60)!r} without being asked"
            )
        elif any(client in outcome for outcome in outcomes):
            found.accepted.pop(client, None)
            found.failed.pop(client, None)
            found.quarantined[client] = "answered more than once"
        elif message.has_error():
            found.failed[client] = plain(message.error.reason)
        else:
            try:
                found.accepted[client] = read(message)
            except MalformedReplyError as error:
                found.quarantined[client] = plain(error)
    for client in asked.values():
        if not any(client in outcome for outcome in outcomes):
            found.failed[client] = "no reply in time"
    return Sorted(
        dict(sorted(found.accepted.items())),
        dict(sorted(found.quarantined.items())),
        dict(sorted(found.failed.items())),
        found.unexpected,
    )


def take_updates(
    accepted: dict[int, Reply],
    old: Mapping[str, NDArray[Any]],
    learned: Sequence[str],
) -> Matrix:
    """Make the matrix of updates, a row a client.

    Each reply is taken out as its row is filled, so that a large model of every client
    is not held twice. (Of small ones the allocator may keep the memory.)
    """
    updates = np.empty((len(accepted), num_values(old, learned)), np.float32)

    def fill(place: tuple[int, int]) -> None:
        row, client = place
        difference(accepted.pop(client).arrays, old, learned, out=updates[row])

    parallel_map(fill, enumerate(list(accepted)))
    return updates


def bytes_of(arrays: ArrayRecord) -> int:
    """Count the bytes of serialised arrays."""
    return sum(len(array.data) for array in arrays.values())


def shared_names(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """Name the metrics that more than half of the clients report."""
    counts = Counter(name for m in metrics for name in m)
    return sorted(name for name, n in counts.items() if 2 * n > len(metrics))


def median_metrics(replies: list[Reply]) -> dict[str, float]:
    """Take the median of each metric, which no minority of the clients can own."""
    metrics = [reply.metrics for reply in replies]
    return {
        name: float(np.median([m[name] for m in metrics if name in m]))
        for name in shared_names(metrics)
    }


def average_metrics(
    results: Sequence[tuple[float, Mapping[str, float]]],
) -> dict[str, float]:
    """Average metrics over the examples of the clients that report them.

    Parameters
    ----------
    results
        Examples and metrics of each client.

    Returns
    -------
    The metrics that most clients report, and ``clients``: how many there are.
    """
    averages: dict[str, float] = {"clients": len(results)}
    for name in shared_names([metrics for _, metrics in results]):
        if name in averages:
            continue  # a client may call a metric of its own so
        pairs = [(n, m[name]) for n, m in results if name in m]
        total = sum(n for n, _ in pairs)
        averages[name] = math.fsum(n / total * value for n, value in pairs)
    return averages
