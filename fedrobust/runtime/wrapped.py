"""A Grid around another one: what it does not change goes through."""

from collections.abc import Iterable
from typing import Any

from flwr.app import Message
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid


class WrappedGrid(Grid):
    """Pass everything on to a grid.

    Parameters
    ----------
    grid
        The grid that really carries the messages.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

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
