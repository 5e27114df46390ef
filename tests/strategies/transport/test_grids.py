"""What a node may write in a reply, over a grid that carries bytes."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message
from flwr.clientapp import ClientApp

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.rules import Krum, Mean
from strategies.transport.grids import Guard, WrappedGrid, guarded
from tests.strategies.transport.foreign import NUM_CLIENTS, Foreign, train_over, trained


class Network(WrappedGrid):
    """As Flower's grid over a SuperLink: what nodes wrote is read when it is pulled.

    ``written`` changes the reply of a node, or raises, as bytes do that are no reply;
    whose ``late`` tells how often one is asked for in vain.
    """

    def __init__(self, written=None, late=None):
        self.local = LocalGrid(app(), NUM_CLIENTS, workers=1)
        super().__init__(self.local)
        self._written, self._late = written or {}, dict(late or {})
        self._waiting: dict[str, Message] = {}

    def push_messages(self, messages):
        replies = self.local.send_and_receive(messages)
        self._waiting = {
            m.metadata.message_id: r for m, r in zip(messages, replies, strict=True)
        }
        return list(self._waiting)

    def pull_messages(self, message_ids):
        found = []
        for message_id in list(message_ids):
            node = self._waiting[message_id].metadata.src_node_id
            if self._late.get(node, 0) > 0:
                self._late[node] -= 1
                continue
            reply = self._waiting.pop(message_id)
            write = self._written.get(node - FIRST_NODE_ID)
            found.append(reply if write is None else write(reply, self._waiting))
        return found


def app() -> ClientApp:
    found = ClientApp()

    @found.train()
    def train(message, context):
        return trained(message, 1 + context.node_config["partition-id"] / 100)

    return found


def play(written=None, late=None, rule=None, rounds=1, timeout=3600):
    events: list[dict] = []
    strategy = RobustStrategy(
        rule=rule or Krum(f=1),
        client_ids={FIRST_NODE_ID + i: i for i in range(NUM_CLIENTS)},
        fraction_evaluate=0.0,
        on_event=events.append,
    )
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    result = strategy.start(
        Guard(Network(written, late)), start, num_rounds=rounds, timeout=timeout
    )
    return result, strategy.last_round, events


def no_reply(reply, waiting):
    raise KeyError("arraychunk_ids")


def as_node_0(reply, waiting):
    reply.metadata.__dict__["_src_node_id"] = FIRST_NODE_ID
    return reply


def to_another_message(reply, waiting):
    reply.metadata.__dict__["_reply_to_message_id"] = next(iter(waiting))
    return reply


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (no_reply, "its reply cannot be read: KeyError: 'arraychunk_ids'"),
        (as_node_0, "node 1004 answered as node 1000 to message"),
        (to_another_message, "node 1004 answered as node 1004 to message"),
    ],
)
def test_what_a_node_writes_costs_its_own_reply_alone(write, reason):
    _, report, events = play({4: write}, rounds=2)
    assert report.accepted == [0, 1, 2, 3, 5]
    assert list(report.failed) == [4]
    assert report.failed[4].startswith(reason)
    assert report.skipped is None
    assert [e["event"] for e in events if e["event"] != "f lowered"] == 2 * ["failed"]


def test_replies_are_waited_for_until_time_is_over():
    _, report, _ = play(late={FIRST_NODE_ID + 2: 2})
    assert report.accepted == [0, 1, 2, 3, 4, 5]
    _, report, _ = play(late={FIRST_NODE_ID + 2: 10**9}, timeout=0.2)
    assert report.accepted == [0, 1, 3, 4, 5]
    assert report.failed == {2: "no reply in time"}


def test_a_node_that_speaks_for_another_in_this_process_fails():
    liar = ClientApp()

    @liar.train()
    def train(message, context):
        reply = trained(message, 1.0)
        return as_node_0(reply, {}) if context.node_config["partition-id"] else reply

    strategy = RobustStrategy(rule=Mean(), min_available_nodes=2)
    with LocalGrid(liar, 2, workers=1) as grid:
        strategy.start(grid, ArrayRecord({"w": Array(np.zeros(3, np.float32))}), 1)
    assert strategy.last_round.accepted == [0]
    assert "node 1001 answered as node 1000" in strategy.last_round.failed[1]


def test_a_grid_is_guarded_once():
    with LocalGrid(app(), 1, workers=1) as local:
        assert guarded(local) is local
        wrapped = WrappedGrid(local)
        assert guarded(wrapped) is wrapped
        guard = Guard(local)
        assert guarded(guard) is guard


def test_a_federation_goes_on_without_a_node_that_leaves():
    nodes = list(range(FIRST_NODE_ID, FIRST_NODE_ID + NUM_CLIENTS))

    class Leaving(LocalGrid):
        def get_node_ids(self):
            return nodes

    def after(round, arrays):
        if round == 1:
            nodes.pop()

    strategy = RobustStrategy(rule=Krum(f=1), min_available_nodes=NUM_CLIENTS)
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    with Leaving(app(), NUM_CLIENTS, workers=1) as grid:
        strategy.start(grid, start, num_rounds=2, evaluate_fn=after)
    assert strategy.last_round.round == 2
    assert strategy.last_round.accepted == [0, 1, 2, 3, 4]


def test_what_is_left_of_skipped_rounds_is_the_start():
    written = dict.fromkeys(range(NUM_CLIENTS), no_reply)
    result, report, _ = play(written, rounds=2)
    assert report.skipped == "no update is left"
    assert result.arrays["w"].numpy().tolist() == [0.0, 0.0, 0.0]


def test_a_message_that_is_refused_costs_its_own_node_alone():
    strategy, w = train_over(Foreign(push=lambda ids: [None, *ids[1:]]))
    assert strategy.last_round.accepted == [1, 2, 3, 4, 5]
    refused = {0: "Foreign did not take the message for it"}
    assert strategy.last_round.failed == refused
    assert w == pytest.approx(1.04)


@pytest.mark.parametrize("none", [True, False])
def test_flowers_grids_leave_out_what_the_superlink_refuses(none):
    class Refusing(Network):
        def push_messages(self, messages):
            _, *ids = super().push_messages(messages)
            return [None, *ids] if none else ids[::-1]

    strategy = RobustStrategy(
        rule=Mean(), client_ids={FIRST_NODE_ID + i: i for i in range(NUM_CLIENTS)}
    )
    start = ArrayRecord({"w": Array(np.zeros(3, np.float32))})
    strategy.start(Guard(Refusing()), start, num_rounds=1)
    assert strategy.last_round.accepted == [1, 2, 3, 4, 5]
    refused = {0: "Refusing did not take the message for it"}
    assert strategy.last_round.failed == refused
