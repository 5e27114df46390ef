"""What both grids of group sums have in common: the groups, and the replies to them."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from strategies.preaggregators.groups import groups_of
from strategies.secagg.server import Sum
from strategies.secagg.updates import moved, size_of
from strategies.transport.grids import WrappedGrid, failure
from strategies.transport.requests import is_train
from strategies.transport.text import plain
from strategies.validation import require, require_between, require_positive


@dataclass
class Outcome:
    """What became of a group.

    Attributes
    ----------
    members
        Client ids in the order of the ring.
    sum
        The result; None if the group was not aggregated.
    left
        Why members dropped out before the sum, by client id.
    reason
        Why the group was not aggregated.
    """

    members: Sequence[int]
    sum: Sum | None = None
    left: Mapping[int, str] = field(default_factory=dict)
    reason: str = ""


@dataclass
class TrainRound:
    """The train messages of one round.

    Attributes
    ----------
    number
        The round.
    messages
        The message to each client, by client id.
    arrays
        The arrays that all of them were sent.
    name
        The name of these in the messages.
    """

    number: int
    messages: dict[int, Message]
    arrays: ArrayRecord
    name: str

    @property
    def size(self) -> int:
        """The number of values of an update."""
        return size_of(self.arrays)


class GroupGrid(WrappedGrid):
    """A grid whose train replies are the means of random groups of clients.

    Each member of a group that took part replies with the arrays that it was sent,
    moved by the mean of the group, and with ``num-examples`` of 1. So a strategy that
    weights its clients alike computes the mean, and sees no update of one client.

    Parameters
    ----------
    grid
        The grid that carries the messages.
    clip
        Largest absolute value of a coordinate of an update, above 0.
    group_size
        Members of a group, at least 1; some groups have more. None makes one group.
    threshold
        Number of shares that reconstruct a secret, at least 2; None means a majority of
        its holders. A group with fewer members left is not aggregated.
    neighbors
        Number of other members that hold shares of a member's secrets, at least 2; None
        means all.
    seed
        Key of the random groups, together with the round.
    client_ids
        Client id of each node, as the strategy has it; None means that ids are those of
        nodes.
    on_event
        Called when a client sends a wrong share, or does not help to unmask a sum that
        it is in; when values are clipped; and when a group is not aggregated.

    Attributes
    ----------
    bytes_down, bytes_up
        Bytes of arrays and of the protocol's records, to and from the clients, in the
        last round.
    """

    # Whether updates leave the clients masked.
    is_masked: ClassVar[bool] = False

    def __init__(
        self,
        grid: Grid,
        *,
        clip: float = 8.0,
        group_size: int | None = None,
        threshold: int | None = None,
        neighbors: int | None = None,
        seed: int = 0,
        client_ids: Mapping[int, int] | None = None,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> None:
        super().__init__(grid)
        require_positive("clip", clip)
        for name, value, least in (
            ("group_size", group_size, 1),
            ("threshold", threshold, 2),
            ("neighbors", neighbors, 2),
        ):
            if value is not None:
                require_between(name, value, least)
        self._clip, self._group_size = float(clip), group_size
        self._threshold, self._neighbors = threshold, neighbors
        self._seed, self._client_ids = seed, client_ids
        self._on_event = on_event
        self.bytes_down = self.bytes_up = 0

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages on; replies to train messages are group means."""
        sent = list(messages)
        if not any(map(is_train, sent)):
            return super().send_and_receive(sent, timeout=timeout)
        self.bytes_down = self.bytes_up = 0
        round = self._read(sent)
        size = self._group_size or len(sent)
        groups = groups_of(list(round.messages), size, self._seed, round.number)
        replies: dict[int, Message] = {}
        for outcome in self._aggregate(round, groups, timeout):
            self._report(round, outcome)
            replies |= _replies(round, outcome)
        return [replies[client] for client in round.messages]

    @abstractmethod
    def _aggregate(
        self, round: TrainRound, groups: list[list[int]], timeout: float | None
    ) -> list[Outcome]:
        """Return what became of each group."""

    def _read(self, sent: Sequence[Message]) -> TrainRound:
        """Read the messages that a strategy sends to train."""
        records = sent[0].content.array_records
        require(len(records) == 1, "ArrayRecords to train on", len(records), "1")
        ((name, arrays),) = records.items()
        ids = self._client_ids or {}
        nodes = [message.metadata.dst_node_id for message in sent]
        by_client = {
            ids.get(node, node): message
            for node, message in zip(nodes, sent, strict=True)
        }
        require(len(by_client) == len(sent), "nodes", nodes, "different clients")
        return TrainRound(_round_of(sent[0]), by_client, arrays, name)

    def _report(self, round: TrainRound, outcome: Outcome) -> None:
        """Report a group that was not aggregated, or that clipped values."""
        if outcome.sum is None:
            self._tell("not aggregated", round, None, outcome.reason)
        elif outcome.sum.clipped:
            taking_part = len(outcome.members) - len(outcome.left)
            self._tell(
                *("values clipped", round, None),
                f"{outcome.sum.clipped} of {taking_part} x {round.size} values were "
                f"beyond {self._clip} and were clipped: raise clip if they are many",
            )

    def _tell(
        self, kind: str, round: TrainRound, client: int | None, reason: str
    ) -> None:
        event = {"event": kind, "round": round.number, "client": client}
        self._on_event({**event, "reason": plain(reason)})


def _replies(round: TrainRound, outcome: Outcome) -> dict[int, Message]:
    """Return the reply of each member: the mean, or why there is none."""
    found, sum = {}, outcome.sum
    arrays = None if sum is None else moved(round.arrays, sum.mean)
    for client in outcome.members:
        message = round.messages[client]
        if arrays is None or client in outcome.left:
            reason = outcome.left.get(client) or f"not aggregated: {outcome.reason}"
            found[client] = failure(message, reason)
            continue
        metrics = MetricRecord({"num-examples": 1})
        content = RecordDict({round.name: arrays, "metrics": metrics})
        found[client] = Message(content, reply_to=message)
    return found


def _round_of(message: Message) -> int:
    """Return the round that Flower's strategies write into a config, else 0."""
    for record in message.content.config_records.values():
        round = record.get("server-round")
        if isinstance(round, int):
            return round
    group = message.metadata.group_id
    return int(group) if group.isdecimal() else 0
