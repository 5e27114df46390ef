"""Grids around other grids, and the one that lets no node speak for another.

Over a SuperLink a reply is bytes that its node wrote, Flower's metadata among them.
Flower 1.41 reads all replies that have come in one go: one that cannot be read ends the
run, with the others lost, and ``src_node_id`` and ``reply_to_message_id`` of one that
can are believed, so that a node may answer as another, or for another.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flwr.app import Error, Message
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

from strategies.transport.pairing import by_id, messages_of

if TYPE_CHECKING:  # Flower before 1.23 has no NodeInfo
    from flwr.proto.node_pb2 import NodeInfo

# Seconds between two rounds of asking for replies, which takes as long at the most.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


class GuardedGrid(Grid):
    """A Grid whose ``send_and_receive`` names the true sender of each reply.

    Nothing that a node sends makes it raise.
    """


def guarded(grid: Grid) -> GuardedGrid:
    """Return the grid with a guard around it, or itself if it has one."""
    return grid if isinstance(grid, GuardedGrid) else Guard(grid)


def vouched(reply: Message, message: Message, sent_as: Any = None) -> Message:
    """Return the reply if it is from the node that was asked, else an error reply.

    Parameters
    ----------
    reply
        The reply that came for the message, whatever its metadata claim.
    message
        The message that the node was sent.
    sent_as
        The id under which the grid sent it, if it differs from the message's own.
    """
    said, asked = reply.metadata, message.metadata
    if reply.has_error():
        return failure(message, reply.error.reason or "", reply.error.code)
    if said.src_node_id != asked.dst_node_id or (
        said.reply_to_message_id not in (asked.message_id, sent_as)
    ):
        reason = (
            f"node {asked.dst_node_id} answered as node {said.src_node_id} "
            f"to message {said.reply_to_message_id!r}"
        )
        return failure(message, reason)
    return reply


def failure(
    message: Message, reason: str, code: int = ErrorCode.MESSAGE_UNAVAILABLE
) -> Message:
    """Return an error reply from the node that a message was for."""
    return Message(Error(code, reason), reply_to=message)


class WrappedGrid(GuardedGrid):
    """Pass everything on to a grid, which is guarded.

    Parameters
    ----------
    grid
        The grid that really carries the messages.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid: Grid = guarded(grid)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and receive replies with the wrapped grid."""
        return self._grid.send_and_receive(messages, timeout=timeout)

    def set_run(self, run: Any) -> None:
        """Set the run of the wrapped grid."""
        self._grid.set_run(run)

    @property
    def run(self) -> Any:
        """The run of the wrapped grid."""
        return self._grid.run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Create a message with the wrapped grid."""
        return self._grid.create_message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """Return the node ids of the wrapped grid."""
        return self._grid.get_node_ids()

    def get_nodes(self) -> "Iterable[NodeInfo]":
        """Return the nodes of the wrapped grid, with what it knows of them."""
        return self._grid.get_nodes()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Push messages with the wrapped grid."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pull messages with the wrapped grid."""
        return self._grid.pull_messages(message_ids)


class HandOver(WrappedGrid):
    """Hand replies over as an iterator, and hold no reference to them.

    Flower's loop holds the replies of a round until those of the next have come, which
    would keep the models of 10,000 clients in memory for nothing.
    """

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Return the replies as an iterator, which holds nothing once it has ended."""
        return iter(list(super().send_and_receive(messages, timeout=timeout)))


class Guard(WrappedGrid):
    """Pull one reply at a time, so that the node that it comes from is known.

    Parameters
    ----------
    grid
        The grid that really carries the messages, such as Flower's over a SuperLink.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and pull their replies until all have come, or time is over.

        A message that the grid refuses, or whose reply cannot be read, becomes an error
        reply from the node that it was for.

        Raises
        ------
        TypeError
            When the grid returns something other than ids or messages.
        ValueError
            When the message that an id of the grid belongs to is unknown.
        """
        sent = list(messages)
        if not sent:
            return []
        # All at once: Flower's grids send them in one request.
        waiting = by_id(sent, self.push_messages(sent), self._name)
        taken = {id(message) for message in waiting.values()}
        replies = [
            failure(message, f"{self._name} did not take the message for it")
            for message in sent
            if id(message) not in taken
        ]
        started = time.monotonic()
        while True:
            began = time.monotonic()
            still = {}
            for message_id, message in waiting.items():
                reply = self._pull(message_id, message)
                if reply is None:
                    still[message_id] = message
                else:
                    replies.append(reply)
            waiting, now = still, time.monotonic()
            if not waiting or (timeout is not None and now - started >= timeout):
                return replies
            time.sleep(min(max(now - began, SHORTEST_PAUSE), LONGEST_PAUSE))

    @property
    def _name(self) -> str:
        return type(self._grid).__name__

    def _pull(self, message_id: Any, message: Message) -> Message | None:
        """Return the reply to a message; None if it has not come."""
        try:
            pulled: Any = self.pull_messages([message_id])
            if isinstance(pulled, Iterator):
                pulled = list(pulled)  # reads the replies, which may raise
        except Exception as error:  # whatever its bytes make Flower raise
            reason = f"its reply cannot be read: {type(error).__name__}: {error}"
            return failure(message, reason)
        # At most one: a node cannot answer a message twice.
        for reply in messages_of(pulled, self._name)[:1]:
            return vouched(reply, message, message_id)
        return None
