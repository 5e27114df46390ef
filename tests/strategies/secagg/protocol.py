"""One group and its clients without Flower: every message passes through a test."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from strategies.secagg import client as stages
from strategies.secagg.errors import AbortError, ProtocolError
from strategies.secagg.server import MASKED, Group, Sum

SIZE = 5
STAGES = ("keys", "shares", "upload", "unmask")

# The stage, the member and its answer -> the answer that arrives; None if none does.
Network = Callable[[str, int, dict[str, Any]], dict[str, Any] | None]


def update_of(client: int) -> np.ndarray:
    """An update with values that differ in every place."""
    return np.random.default_rng(client).normal(size=SIZE)


def plain_sum(group: Group, clients: list[int]) -> Sum:
    """What the group's mean must be to the bit: that of the plain integers."""
    encoded = [group.fixed_point.encode(update_of(client)) for client in clients]
    return Sum(
        *group.fixed_point.decode(np.sum(encoded, 0, dtype=np.uint32), len(clients))
    )


def losing(dropped: Mapping[str, list[int]]) -> Network:
    """A network in which members drop out at stages."""
    return lambda stage, member, answer: (
        None if member in dropped.get(stage, []) else answer
    )


def arrives(stage: str, member: int, answer: dict[str, Any]) -> dict[str, Any]:
    """A network without losses."""
    return answer


class Members:
    """The clients of a group."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.states: dict[int, Any] = {}

    def answer(self, stage: str, member: int, request: dict[str, Any]) -> Any:
        """Let a member answer; one that refuses does not."""
        state = self.states.get(member, {})
        if stage == "keys":
            self.states[member], answer = stages.advertise(request)
        elif stage == "shares":
            self.states[member], answer = stages.deal(state, request)
        elif stage == "upload":
            update = update_of(self.group.members[member])
            self.states[member], masked, answer = stages.mask(state, request, update)
            answer = {**answer, MASKED: masked}
        else:
            answer = stages.reveal(state, request)
            self.states.pop(member)
        return answer


def run(group: Group, network: Network = arrives, until: str = "unmask") -> Members:
    """Take a group through the stages; AbortError where it ends."""
    members = Members(group)
    asks = (group.ask_keys, group.ask_shares, group.ask_uploads, group.ask_unmasking)
    takes = (
        *(group.take_keys, group.take_shares, group.take_uploads),
        group.take_unmasking,
    )
    for stage, ask, take in zip(STAGES, asks, takes, strict=True):
        answers = {}
        for member, request in ask().items():
            try:
                answer = network(stage, member, members.answer(stage, member, request))
            except ProtocolError as error:
                group.drop(member, str(error))
                continue
            if answer is not None:
                answers[member] = answer
        take(answers)
        if stage == until:
            break
    return members


def outcome(group: Group, network: Network = arrives) -> Sum | str:
    """The sum of a group, or why there is none."""
    try:
        run(group, network)
        return group.finish()
    except AbortError as error:
        return str(error)


def assert_same(found: Sum | str, expected: Sum) -> None:
    """The same bits."""
    assert isinstance(found, Sum), found
    assert found.mean.tobytes() == expected.mean.tobytes()
    assert found.clipped == expected.clipped
