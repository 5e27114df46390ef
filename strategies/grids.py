"""Grids around other grids, and the one that lets no node speak for another.

Over a SuperLink a reply is bytes that its node wrote, Flower's metadata among them.
Flower 1.41 reads all replies that have come in one go: one that cannot be read ends the
run, with the others lost, and ``src_node_id`` and ``reply_to_message_id`` of one that
can are believed, so that a node may answer as another, or for another.
"""

import time
from collections.abc import Iterable
from typing import Any

from flwr.app import Error, Message
from flwr.common.constant import ErrorCode
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid

# Seconds between two rounds of asking for replies, which takes as long at the most.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


class GuardedGrid(Grid):
    """A Grid whose ``send_and_receive`` gives each reply under the name of who sent it.

    Nothing that a node sends makes it raise.
    """


def guarded(grid: Grid) -> GuardedGrid:
    """Guard a grid, unless it is."""
    return grid if isinstance(grid, GuardedGrid) else Guard(grid)


def vouched(reply: Message, message: Message) -> Message:
    """Give the reply to a message as one of the node that was asked, or an error of it.

    Parameters
    ----------
    reply
        Came for the message, whatever it says.
    message
        What the node was sent.
    """
    said, asked = reply.metadata, message.metadata
    if reply.has_error():
        return failure(message, reply.error.reason or "", reply.error.code)
    names = (said.src_node_id, said.reply_to_message_id)
    if names != (asked.dst_node_id, asked.message_id):
        reason = (
            f"node {asked.dst_node_id} answered as node {names[0]} "
            f"to message {names[1]!r}"
        )
        return failure(message, reason)
    return reply


def failure(
    message: Message, reason: str, code: int = ErrorCode.MESSAGE_UNAVAILABLE
) -> Message:
    """Make the error reply of the node that a message went to."""
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
        """Give the nodes of the wrapped grid."""
        return self._grid.get_node_ids()

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Give the nodes of the wrapped grid, with what it knows of them."""
        return self._grid.get_nodes()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Push messages with the wrapped grid."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pull messages with the wrapped grid."""
        return self._grid.pull_messages(message_ids)


class HandOver(WrappedGrid):
    """Give replies to whoever reads them to the end, and keep none.

    Flower's loop holds what it received until the next round's replies have come: of
    10,000 clients 10,000 models, for nothing.
    """

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages; an iterator that has ended holds nothing."""
        return iter(list(super().send_and_receive(messages, timeout=timeout)))


class Guard(WrappedGrid):
    """Ask for one reply at a time: it is of the node that its message went to.

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
        """Send messages and pull their replies until all are there, or time is over.

        A reply that cannot be read is an error of the node that was asked.
        """
        sent = list(messages)
        stored = set(self.push_messages(sent))
        waiting = [m for m in sent if m.metadata.message_id in stored]
        replies: list[Message] = []
        started = time.monotonic()
        while True:
            began = time.monotonic()
            still = []
            for message in waiting:
                reply = self._pull(message)
                if reply is None:
                    still.append(message)
                else:
                    replies.append(reply)
            waiting, now = still, time.monotonic()
            if not waiting or (timeout is not None and now - started >= timeout):
                return replies
            time.sleep(min(max(now - began, SHORTEST_PAUSE), LONGEST_PAUSE))

    def _pull(self, message: Message) -> Message | None:
        """Pull the reply to a message; None if it has not come."""
        try:
            # At most one: a node cannot answer a message twice.
            for reply in self.pull_messages([message.metadata.message_id]):
                return vouched(reply, message)
        except Exception as error:  # whatever its bytes make Flower raise
            reason = f"its reply cannot be read: {type(error).__name__}: {error}"
            return failure(message, reason)
        return None
