"""The adversary: a Grid that wraps any Grid and speaks for the colluding clients.

It alone sees all honest replies of a round, and rewrites those of the Byzantine clients
before the strategy sees any: the omniscient network attacker of the literature, over
every runtime. All it knows is in the messages.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MessageType, RecordDict
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid

from fedrobust.byzantine.base import Collusion
from strategies.screening import MalformedReplyError, screen, specs_of
from strategies.updates import add, difference


class Adversary(Grid):
    """Rewrite the replies of colluding clients from all honest ones.

    Parameters
    ----------
    grid
        The grid that really carries the messages.
    attack
        How Byzantine updates are crafted.
    clients
        Client ids of the colluding clients.
    client_ids
        Client id of each node.
    learned
        Names of the arrays that make up an update.
    """

    def __init__(
        self,
        grid: Grid,
        attack: Collusion,
        clients: Collection[int],
        client_ids: Mapping[int, int],
        learned: Sequence[str],
    ) -> None:
        self._grid = grid
        self._attack = attack
        self._colluding = {n for n, c in client_ids.items() if c in set(clients)}
        self._client_ids = dict(client_ids)
        self._learned = list(learned)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages on; rewrite the Byzantine replies among train replies."""
        sent = list(messages)
        replies = list(self._grid.send_and_receive(sent, timeout=timeout))
        if sent and sent[0].metadata.message_type == MessageType.TRAIN:
            self._rewrite(sent[0].content.array_records["arrays"], replies)
        return replies

    def _rewrite(self, global_arrays: ArrayRecord, replies: list[Message]) -> None:
        byzantine = [m for m in replies if self._is_colluding(m) and m.has_content()]
        old = {name: array.numpy() for name, array in global_arrays.items()}
        specs = specs_of(global_arrays)
        honest = []
        # In the order of client ids: how fast a client answers must change nothing.
        for message in sorted(replies, key=self._client):
            if not self._is_colluding(message) and message.has_content():
                try:
                    reply = screen(message, specs)
                except MalformedReplyError:
                    continue
                honest.append(difference(reply.arrays, old, self._learned))
        if not byzantine or not honest:
            return
        crafted = self._attack(np.stack(honest), len(byzantine))
        for message, update in zip(
            sorted(byzantine, key=self._client), crafted, strict=True
        ):
            own = message.content.array_records["arrays"]
            forged = add(old, update, self._learned)
            content: RecordDict = message.content
            content["arrays"] = ArrayRecord(
                {
                    name: Array(forged[name]) if name in self._learned else array
                    for name, array in own.items()
                }
            )

    def _client(self, message: Message) -> int:
        return self._client_ids.get(message.metadata.src_node_id, -1)

    def _is_colluding(self, message: Message) -> bool:
        return message.metadata.src_node_id in self._colluding

    # Everything else is the wrapped grid's.

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
