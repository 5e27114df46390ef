"""The replies of a round: the client of each, and which of them count."""

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
    """The contents of the replies that count, and why the others do not.

    Attributes
    ----------
    accepted
        Contents by client id.
    quarantined, failed
        Reasons by client id: for replies that are not well formed; and for error
        replies and clients that did not reply.
    unexpected
        Why replies from nodes that were not sampled were ignored.
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
    """Sort replies by client id, and separate those that count from the others.

    Nothing that a client sends makes it raise.

    Parameters
    ----------
    replies
        Replies in any order; the order changes nothing.
    asked
        Client id of each node that was sent a message.
    group
        Group id of those messages.
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
    """Return the (n, d) matrix of updates, one row for each client.

    A reply is removed from ``accepted`` when its row is filled, so that the models of
    the clients are not held twice. (The allocator may keep the memory of small ones.)
    """
    updates = np.empty((len(accepted), num_values(old, learned)), np.float32)

    def fill(place: tuple[int, int]) -> None:
        row, client = place
        difference(accepted.pop(client).arrays, old, learned, out=updates[row])

    parallel_map(fill, enumerate(list(accepted)))
    return updates


def bytes_of(arrays: ArrayRecord) -> int:
    """Return the number of bytes of serialised arrays."""
    return sum(len(array.data) for array in arrays.values())
