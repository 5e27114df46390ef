"""SyftGrid, as RobustStrategy needs it."""

from collections.abc import Iterable
from typing import Any

from flwr.app import Message

from strategies.transport.grids import Guard


class SyftGuard(Guard):
    """Pair each message of a SyftGrid with its own owner's reply.

    SyftGrid leaves the ids of messages empty, skips messages that it cannot send, and
    gives replies as a dictionary beside the set of ids that are done.
    """

    def push_messages(self, messages: Iterable[Message]) -> list[Any]:
        """Send messages; an id for each, or None for one that could not be sent."""
        pushed = [list(self._grid.push_messages([message])) for message in messages]
        return [ids[0] if ids else None for ids in pushed]

    def pull_messages(self, message_ids: Iterable[Any]) -> list[Message]:
        """Return the replies that have come.

        Raises
        ------
        ConnectionError
            When an exchange is over without a reply that can be read.
        """
        replies, done = self._grid.pull_messages(list(message_ids))
        if lost := done - replies.keys():
            raise ConnectionError(f"{len(lost)} exchanges ended without a reply")
        return list(replies.values())
