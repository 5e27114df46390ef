"""The server's side as a Grid, which runs the protocol below any Flower strategy."""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from strategies.replies import bytes_of
from strategies.screening import ArraySpec, MalformedReplyError, read_array
from strategies.secagg.errors import AbortError
from strategies.secagg.group_grid import GroupGrid, Outcome, TrainRound
from strategies.secagg.payload import Payload
from strategies.secagg.server import MASKED, Group
from strategies.transport.contexts import SECAGG
from strategies.validation import require

Ask = Callable[[Group], dict[int, dict[str, Any]]]
Take = Callable[[Group, Mapping[int, Payload]], None]

# The stages: what a group asks of its members, how it takes their answers, and the
# share of the round's time after which no more of them are waited for. Clients train
# before the upload.
STAGES: list[tuple[Ask, Take, float]] = [
    (Group.ask_keys, Group.take_keys, 0.2),
    (Group.ask_shares, Group.take_shares, 0.4),
    (Group.ask_uploads, Group.take_uploads, 0.9),
    (Group.ask_unmasking, Group.take_unmasking, 1.0),
]


class SecAggGrid(GroupGrid):
    """Secure aggregation: the server learns the sum of each group, and nothing else.

    SecAgg+ (Bell et al. 2020) with clients of :func:`strategies.secagg.secagg_mod`. The
    server follows the protocol, and fewer than ``threshold`` clients of a group tell it
    what they know. A stage sends each member of a group one message. The stages share
    the timeout of the round: keys end by a fifth of it, shares by two fifths, and the
    upload by nine tenths. Parameters are those of :class:`GroupGrid`, with
    ``group_size`` at least 2.

    A group of n clients is aggregated if enough of its members stay to the end; without
    ``neighbors`` that is ``threshold`` of them.
    """

    is_masked: ClassVar[bool] = True

    def __init__(self, grid: Grid, **settings: Any) -> None:
        super().__init__(grid, **settings)
        size = self._group_size
        require(size is None or size >= 2, "group_size", size, "at least 2")

    def _aggregate(
        self, round: TrainRound, groups: list[list[int]], timeout: float | None
    ) -> list[Outcome]:
        """Run all groups through the stages at the same time."""
        began = time.monotonic()
        outcomes = [Outcome(members) for members in groups]
        at_work: list[tuple[Group, Outcome]] = []
        for outcome in outcomes:
            try:
                at_work.append((self._group(round, list(outcome.members)), outcome))
            except AbortError as error:
                outcome.reason = str(error)
        started = list(at_work)
        for ask, take, share in STAGES:
            left = _time_left(began, timeout, share)
            self._stage(round, at_work, ask, take, left)
        for group, outcome in at_work:
            try:
                outcome.sum = group.finish()
            except AbortError as error:
                outcome.reason = str(error)
        for group, outcome in started:
            self._left(round, group, outcome)
            self._accuse(round, group)
        ended = [group for group, _ in started if group not in [g for g, _ in at_work]]
        self._forget(round, ended, _time_left(began, timeout, 1.0))
        return outcomes

    def _group(self, round: TrainRound, members: list[int]) -> Group:
        return Group(
            members=members,
            size=round.size,
            clip=self._clip,
            threshold=self._threshold,
            neighbors=self._neighbors,
        )

    def _stage(
        self,
        round: TrainRound,
        at_work: list[tuple[Group, Outcome]],
        ask: Ask,
        take: Take,
        timeout: float | None,
    ) -> None:
        """Take one stage of all groups, and remove those that cannot go on."""
        requests = {
            group.members[index]: request
            for group, _ in at_work
            for index, request in ask(group).items()
        }
        answers = self._exchange(round, requests, timeout)
        for group, outcome in list(at_work):
            given: dict[int, Payload] = {}
            for index in group.alive:
                answer = answers.get(group.members[index], "no reply in time")
                if isinstance(answer, str):
                    group.drop(index, answer)
                else:
                    given[index] = answer
            try:
                take(group, given)
            except AbortError as error:
                outcome.reason = str(error)
                at_work.remove((group, outcome))

    def _left(self, round: TrainRound, group: Group, outcome: Outcome) -> None:
        """Note who is not in the sum, and tell of those that left after it."""
        summed = group.summed if outcome.sum is not None else []
        for index, why in group.left.items():
            if index in summed:
                self._tell("no share", round, group.members[index], why)
        outcome.left = {
            group.members[index]: why
            for index, why in group.left.items()
            if index not in summed
        }

    def _accuse(self, round: TrainRound, group: Group) -> None:
        """Report each client that sent or dealt wrong shares."""
        reasons: dict[int, list[str]] = {}
        for index, reason in group.accused:
            reasons.setdefault(group.members[index], []).append(reason)
        for client, (first, *more) in reasons.items():
            also = f", and so {len(more)} more times" if more else ""
            self._tell("wrong share", round, client, first + also)

    def _forget(
        self, round: TrainRound, groups: list[Group], timeout: float | None
    ) -> None:
        """Ask the members of groups that ended early to forget their secrets."""
        requests = {
            group.members[index]: {"stage": "forget"}
            for group in groups
            for index in group.alive
        }
        self._exchange(round, requests, timeout)

    def _exchange(
        self,
        round: TrainRound,
        requests: Mapping[int, Mapping[str, Any]],
        timeout: float | None,
    ) -> dict[int, Payload | str]:
        """Send requests by client id, and return the answers or why there are none."""
        if not requests:
            return {}
        clients = {round.messages[c].metadata.dst_node_id: c for c in requests}
        sent = [
            self._message(round.messages[client], request)
            for client, request in requests.items()
        ]
        answers: dict[int, Payload | str] = {}
        for reply in self._grid.send_and_receive(sent, timeout=timeout):
            client = clients.get(reply.metadata.src_node_id)
            if client is None or client in answers:
                continue
            if reply.has_error():
                answers[client] = reply.error.reason or "failed"
                continue
            try:
                answers[client] = self._read_answer(round, reply)
            except MalformedReplyError as error:
                answers[client] = f"malformed answer: {error}"
        return answers

    def _message(self, train: Message, request: Mapping[str, Any]) -> Message:
        """Return a message of the protocol; only the upload carries the arrays."""
        record = ConfigRecord(dict(request))
        content = RecordDict({SECAGG: record})
        if request["stage"] == "upload":
            content = RecordDict({**train.content, SECAGG: record})
        self.bytes_down += _bytes_of(content)
        return Message(
            content,
            dst_node_id=train.metadata.dst_node_id,
            message_type=train.metadata.message_type,
            group_id=train.metadata.group_id,
        )

    def _read_answer(self, round: TrainRound, reply: Message) -> Payload:
        """Return the record of the protocol, with the masked update if there is one."""
        content = reply.content
        self.bytes_up += _bytes_of(content)
        record = content.config_records.get(SECAGG)
        if record is None:
            raise MalformedReplyError(
                "no record of the protocol: has the ClientApp the mod secagg_mod?"
            )
        answer: dict[str, Any] = dict(record)
        arrays = content.array_records.get(MASKED, ArrayRecord())
        if MASKED in arrays:
            spec = ArraySpec((round.size + 1,), np.dtype(np.uint32))
            answer[MASKED] = read_array(arrays[MASKED], spec)
        return answer


def _time_left(began: float, timeout: float | None, share: float) -> float | None:
    """Return the seconds until a share of the timeout is over; None without one."""
    if timeout is None:
        return None
    return max(began + share * timeout - time.monotonic(), 0.0)


def _bytes_of(content: RecordDict) -> int:
    """Return the bytes of the arrays and of the protocol's record in a message."""
    arrays = sum(map(bytes_of, content.array_records.values()))
    return arrays + sum(map(_size, content.config_records.get(SECAGG, {}).values()))


def _size(value: Any) -> int:
    """Return the bytes of an entry; a number takes 8."""
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str | bytes) else 8
