"""The adversary over a grid: what it sees and what it rewrites."""

import numpy as np
from flwr.app import Message, MetricRecord, RecordDict

from fedrobust.byzantine import ALIE, IPM
from fedrobust.federation.adversary import Adversary
from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from tests.fedrobust.federation.honest_clients import (
    honest_app,
    train_messages,
    updates_of,
)


class Watcher(IPM):
    """Remembers the rounds in which nobody colludes."""

    watches = True

    def watch(self, honest, context):
        context.memory[context.round] = (honest, context.parameters, context.layers)
        object.__setattr__(self, "memory", context.memory)


def test_an_attack_that_watches_sees_the_rounds_before_its_start():
    ids, attack = {FIRST_NODE_ID + i: i for i in range(3)}, Watcher()
    with LocalGrid(honest_app(), 3, workers=2) as grid:
        adversary = Adversary(grid, attack, lambda round: [], ids, ["w"])
        replies = list(adversary.send_and_receive(train_messages(3)))
    assert {i: u.tolist() for i, u in updates_of(replies).items()} == {
        0: [1, 1],
        1: [2, 2],
        2: [3, 3],
    }
    honest, parameters, layers = attack.memory[1]
    assert honest.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert (parameters.tolist(), layers) == ([10, 10], [2])


class Recorded(IPM):
    """Remembers what the adversary saw."""

    def craft(self, honest, num_byzantine, context):
        object.__setattr__(self, "seen", honest.copy())
        return super().craft(honest, num_byzantine, context)


def test_the_adversary_sees_all_honest_updates_and_rewrites_colluding_replies():
    with LocalGrid(honest_app(), 6, workers=2) as grid:
        ids = {FIRST_NODE_ID + i: i for i in range(6)}
        attack = Recorded(epsilon=2.0)
        adversary = Adversary(grid, attack, lambda round: [1, 3, 4], ids, ["w"])
        messages = train_messages(6)
        replies = list(adversary.send_and_receive(reversed(messages)))
    # Honest are 0, 2 and 5 with updates 1, 3 and 6; 4 is Byzantine but does not answer.
    np.testing.assert_array_equal(attack.seen, [[1, 1], [3, 3], [6, 6]])
    found = updates_of(replies)
    np.testing.assert_allclose(found[1], -2 * 10 / 3, rtol=1e-6)
    np.testing.assert_allclose(found[3], -2 * 10 / 3, rtol=1e-6)
    np.testing.assert_array_equal(found[5], 6)
    assert sum(r.has_error() for r in replies) == 1
    statistic = {
        r.metadata.src_node_id - FIRST_NODE_ID: float(
            r.content.array_records["arrays"]["bn"].numpy()[0]
        )
        for r in replies
        if r.has_content()
    }
    assert statistic == {0: 0, 1: 1, 2: 2, 3: 3, 5: 5}


def test_the_adversary_leaves_other_messages_alone():
    app = honest_app()

    @app.query()
    def query(message, context):
        return Message(RecordDict({"m": MetricRecord({"a": 1})}), reply_to=message)

    with LocalGrid(app, 2, workers=1) as grid:
        ids = {node: i for i, node in enumerate(grid.get_node_ids())}
        adversary = Adversary(grid, IPM(), lambda round: [0], ids, ["w"])
        question = Message(RecordDict(), FIRST_NODE_ID, "query")
        (answer,) = adversary.send_and_receive([question])
        assert answer.content.metric_records["m"]["a"] == 1
        assert list(adversary.get_node_ids()) == list(grid.get_node_ids())


def test_a_colluder_without_arrays_is_left_to_the_strategy():
    app = honest_app()
    app._registered_funcs.clear()

    @app.train()
    def train(message, context):
        if context.node_config["partition-id"] == 1:
            metrics = MetricRecord({"num-examples": 1})
            return Message(RecordDict({"m": metrics}), reply_to=message)
        arrays = message.content.array_records["arrays"]
        metrics = MetricRecord({"num-examples": 1})
        content = RecordDict({"arrays": arrays, "metrics": metrics})
        return Message(content, reply_to=message)

    with LocalGrid(app, 4, workers=1) as grid:
        ids = {FIRST_NODE_ID + i: i for i in range(4)}
        adversary = Adversary(grid, IPM(epsilon=1.0), lambda round: [1, 2], ids, ["w"])
        replies = list(adversary.send_and_receive(train_messages(4)))
    assert len(replies) == 4
    assert not replies[1].content.array_records


def test_a_round_in_which_the_attack_is_undefined_is_reported():
    events: list[dict] = []
    with LocalGrid(honest_app(), 4, workers=1) as grid:
        ids = {FIRST_NODE_ID + i: i for i in range(4)}
        adversary = Adversary(
            grid, ALIE(), lambda round: [0, 1, 2], ids, ["w"], on_event=events.append
        )
        replies = list(adversary.send_and_receive(train_messages(4)))
        alone = Adversary(
            grid, IPM(), lambda round: [0, 1, 2, 3], ids, ["w"], on_event=events.append
        )
        list(alone.send_and_receive(train_messages(4)))
    np.testing.assert_array_equal(updates_of(replies)[0], 1)
    assert [e["event"] for e in events] == ["no collusion", "no collusion"]
    assert "n=4 clients of which b=3" in events[0]["reason"]


class Growing(IPM):
    """Writes into an array of its memory in every round."""

    def craft(self, honest, num_byzantine, context):
        rounds = context.memory.setdefault("rounds", np.zeros(1, np.float32))
        rounds += 1
        return np.repeat(rounds[None], honest.shape[1], 1).repeat(num_byzantine, 0)


def test_what_colluding_clients_remember_goes_over_to_another_adversary():
    ids = {FIRST_NODE_ID + i: i for i in range(3)}

    def sent(adversary):
        return updates_of(adversary.send_and_receive(train_messages(3)))[1].tolist()

    with LocalGrid(honest_app(), 3, workers=2) as grid:
        one, other = (
            Adversary(grid, Growing(), lambda round: [1], ids, ["w"]) for _ in range(2)
        )
        assert one.memory() == {}
        assert [sent(one), sent(one)] == [[1, 1], [2, 2]]
        memory = one.memory()
        # The copy stays as it was, whatever the attack does to its own.
        assert sent(one) == [3, 3]
        other.restore(memory)
        assert [sent(other), sent(other)] == [[3, 3], [4, 4]]
        assert memory["rounds"].tolist() == [2]
