"""The sums of secure aggregation without its secrecy, for simulations."""

from flwr.app import Message

from strategies.screening import MalformedReplyError
from strategies.secagg.errors import AbortError
from strategies.secagg.fixed_point import FixedPoint
from strategies.secagg.graph import holders_of, require_connected, threshold_of
from strategies.secagg.group_grid import GroupGrid, Outcome, TrainRound
from strategies.secagg.masks import Words
from strategies.secagg.server import Sum
from strategies.secagg.updates import update_in


class IdealGrid(GroupGrid):
    """Compute the group means of :class:`SecAggGrid` from plain replies, bit for bit.

    It hides nothing, and costs nothing: clients need no mod, and whatever sees plain
    replies, such as colluding clients, works below it. A client that fails counts as
    one that drops out at the upload. Parameters are those of :class:`GroupGrid`.
    """

    def _aggregate(
        self, round: TrainRound, groups: list[list[int]], timeout: float | None
    ) -> list[Outcome]:
        ids = {m.metadata.dst_node_id: c for c, m in round.messages.items()}
        sent = list(round.messages.values())
        replies: dict[int, Message] = {}
        for reply in self._grid.send_and_receive(sent, timeout=timeout):
            client = ids.get(reply.metadata.src_node_id)
            if client is not None:
                replies.setdefault(client, reply)
        return [self._outcome(round, members, replies) for members in groups]

    def _outcome(
        self, round: TrainRound, members: list[int], replies: dict[int, Message]
    ) -> Outcome:
        """Return the mean of a group whose members' replies may be missing."""
        fixed_point = FixedPoint(clip=self._clip, clients=len(members))
        encoded: dict[int, Words] = {}
        left = {}
        for client in members:
            reply = replies.get(client)
            if reply is None or reply.has_error():
                left[client] = "no reply in time" if reply is None else _reason(reply)
                continue
            try:
                encoded[client] = fixed_point.encode(update_in(reply, round.arrays))
            except MalformedReplyError as error:
                left[client] = str(error)
        try:
            self._check(members, encoded)
        except AbortError as error:
            return Outcome(members, None, left, str(error))
        total = next(iter(encoded.values())).copy()
        for words in list(encoded.values())[1:]:
            total += words
        return Outcome(members, Sum(*fixed_point.decode(total, len(encoded))), left)

    def _check(self, members: list[int], present: dict[int, Words]) -> None:
        """Raise AbortError where the protocol could not unmask the sum."""
        threshold = threshold_of(len(members), self._neighbors, self._threshold)
        for client in members:
            holders = holders_of(client, members, self._neighbors)
            held = len(present.keys() & set(holders))
            if held < threshold:
                raise AbortError(
                    f"{len(present)} of {len(members)} clients are left, and {held} of "
                    f"the {threshold} that must hold shares of client {client}"
                )
        require_connected(present, members, self._neighbors)


def _reason(reply: Message) -> str:
    return reply.error.reason or "failed"
