"""The adversary: a Grid that wraps any Grid and rewrites colluding clients' replies.

It is the omniscient network attacker of the literature, and works over every runtime:
it sees all honest replies of a round before the strategy does, and can compute what the
server's pipeline would return for any Byzantine updates.
"""

import copy
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid
from numpy.typing import NDArray

from fedrobust.byzantine.base import Matrix, Vector
from fedrobust.byzantine.collusion import AttackContext, Collusion
from fedrobust.federation.forging import forge
from strategies.rules.base import UNDEFINED
from strategies.screening import MalformedReplyError, Reply, screen, specs_of
from strategies.transport.arrays import unpack_all
from strategies.transport.grids import WrappedGrid
from strategies.transport.requests import read_request
from strategies.transport.text import plain
from strategies.updates import difference
from strategies.validation import MAX_EXAMPLES

# Updates, client ids, declared examples and reported losses -> the aggregate.
Preview = Callable[[Matrix, Sequence[int], Sequence[float], Sequence[float]], Vector]


@dataclass(frozen=True)
class Seen:
    """The messages of a round that the adversary sees, in the order of client ids.

    Attributes
    ----------
    old
        The global arrays, by name.
    updates, replies
        The update and the reply of each client whose reply is well formed, by id.
    byzantine
        The messages of the colluding clients, by id.
    """

    old: Mapping[str, NDArray[Any]]
    updates: dict[int, Vector] = field(default_factory=dict)
    replies: dict[int, Reply] = field(default_factory=dict)
    byzantine: dict[int, Message] = field(default_factory=dict)

    @property
    def honest(self) -> list[int]:
        """Ids of the clients that do not collude."""
        return [client for client in self.updates if client not in self.byzantine]


class Adversary(WrappedGrid):
    """Rewrite the replies of colluding clients from all honest ones.

    Parameters
    ----------
    grid
        The grid that carries the messages.
    attack
        Crafts the Byzantine updates.
    clients
        Returns the ids of the clients that collude in a round.
    client_ids
        Client id of each node.
    learned
        Names of the arrays that make up an update.
    seed
        Key of the attack's random draws, together with the round.
    preview
        Returns the vector that the server would aggregate (n, d) updates to, given the
        client id, the declared examples and the reported loss of each row; it must not
        change the server.
    loss_metric
        Name of the metric that is a client's training loss.
    max_examples
        The most examples that the server's screening lets a client declare.
    on_event
        Called when the attack is undefined for the clients of a round.

    Attributes
    ----------
    chosen
        Figures that the attack chose in the last round, by name.
    """

    def __init__(
        self,
        grid: Grid,
        attack: Collusion,
        clients: Callable[[int], Collection[int]],
        client_ids: Mapping[int, int],
        learned: Sequence[str],
        seed: int = 0,
        preview: Preview | None = None,
        loss_metric: str = "train_loss",
        max_examples: int = MAX_EXAMPLES,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> None:
        super().__init__(grid)
        self._attack = attack
        self._clients = clients
        self._client_ids = dict(client_ids)
        self._learned = list(learned)
        self._seed = seed
        self._preview = preview
        self._loss_metric = loss_metric
        self._max_examples = max_examples
        self._memory: dict[str, Any] = {}
        self.chosen: dict[str, int | float] = {}
        self._on_event = on_event

    def memory(self) -> dict[str, Any]:
        """Return the memory of the colluding clients, which is all their state."""
        return copy.deepcopy(self._memory)

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Set the memory of the colluding clients to what ``memory`` returned."""
        self._memory = copy.deepcopy(dict(memory))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages on; rewrite the Byzantine replies among train replies."""
        sent = list(messages)
        replies = list(self._grid.send_and_receive(sent, timeout=timeout))
        if sent and sent[0].metadata.message_type == MessageType.TRAIN:
            arrays, round = read_request(sent[0])
            self._rewrite(round, arrays, replies)
        return replies

    def _rewrite(
        self, round: int, global_arrays: ArrayRecord, replies: list[Message]
    ) -> None:
        """Replace the updates in the Byzantine replies by crafted ones.

        In a round without Byzantine replies, the attack may observe the honest ones.
        """
        seen = self._seen(round, global_arrays, replies)
        self.chosen = {}
        context = self._context(round, seen)
        honest = _stacked([seen.updates[client] for client in seen.honest])
        if not seen.byzantine:
            if self._attack.watches and seen.honest:
                self._attack.watch(honest, context)
            return
        try:
            crafted = self._attack(honest, len(seen.byzantine), context)
        except UNDEFINED as error:
            # Where the attack is undefined, the clients send what they trained.
            self.chosen.clear()
            reason = plain(f"the Byzantine clients did not collude: {error}")
            event = {"event": "no collusion", "round": round, "client": None}
            self._on_event({**event, "reason": reason})
            return
        for message, update in zip(seen.byzantine.values(), crafted, strict=True):
            content: RecordDict = message.content
            ((name, own),) = content.array_records.items()
            content[name] = forge(own, seen.old, update, self._learned)

    def _seen(
        self, round: int, global_arrays: ArrayRecord, replies: list[Message]
    ) -> Seen:
        """Read the replies that are well formed."""
        specs, old = specs_of(global_arrays), unpack_all(global_arrays)
        colluding = set(self._clients(round))
        seen = Seen(old=old)
        # In the order of client ids, so that arrival order changes nothing.
        for message in sorted(replies, key=self._client):
            if not message.has_content():
                continue
            try:
                reply = screen(message, specs, self._max_examples)
            except MalformedReplyError:
                continue  # the strategy quarantines it and says why
            client = self._client(message)
            seen.updates[client] = difference(reply.arrays, old, self._learned)
            seen.replies[client] = reply
            if client in colluding:
                seen.byzantine[client] = message
        return seen

    def _context(self, round: int, seen: Seen) -> AttackContext:
        """Return what the attack knows in addition to the honest updates."""
        start = [np.ravel(seen.old[name]) for name in self._learned]
        return AttackContext(
            round=round,
            seed=self._seed,
            clients=seen.honest,
            own=_stacked([seen.updates[client] for client in seen.byzantine]),
            parameters=np.concatenate(start).astype(np.float32),
            layers=[len(values) for values in start],
            aggregate=self._pipeline(seen),
            memory=self._memory,
            chosen=self.chosen,
        )

    def _pipeline(self, seen: Seen) -> Callable[[Matrix], Vector] | None:
        """Return the server's pipeline as a function of the Byzantine updates."""
        preview = self._preview
        if preview is None:
            return None
        clients = list(seen.updates)
        places = [clients.index(client) for client in seen.byzantine]
        examples = [seen.replies[client].num_examples for client in clients]
        name = self._loss_metric
        losses = [seen.replies[c].metrics.get(name, math.inf) for c in clients]

        def aggregate(crafted: Matrix) -> Vector:
            sent = np.stack([seen.updates[client] for client in clients])
            sent[places] = crafted
            return preview(sent, clients, examples, losses)

        return aggregate

    def _client(self, message: Message) -> int:
        return self._client_ids.get(message.metadata.src_node_id, -1)


def _stacked(updates: Sequence[Vector]) -> Matrix:
    return np.stack(updates) if updates else np.empty((0, 0), np.float32)
