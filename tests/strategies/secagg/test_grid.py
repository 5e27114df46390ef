"""Secure aggregation over a grid: the server's Grid and the client's mod together."""

import numpy as np
import pytest
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.serverapp.strategy import FedAvg

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.preaggregators import Groups
from strategies.preaggregators.groups import groups_of
from strategies.rules import Mean, Median
from strategies.secagg import FixedPoint, IdealGrid, SecAggGrid, secagg_mod
from strategies.secagg.server import MASKED
from strategies.transport.contexts import SECAGG
from strategies.transport.grids import WrappedGrid

SIZE = 6
IDS = {FIRST_NODE_ID + i: i for i in range(12)}


def update_of(client: int) -> np.ndarray:
    return np.random.default_rng(client).normal(size=SIZE).astype(np.float32)


def app(mods=(), down=(), change=None) -> ClientApp:
    """Client i adds a vector of its own, and counts in integers; some are down."""
    made = ClientApp()

    @made.train(mods=list(mods))
    def train(message, context):
        client = context.node_config["partition-id"]
        if client in down:
            raise RuntimeError("out of order")
        old = message.content.array_records["arrays"]
        update = update_of(client) if change is None else change(client)
        new = old["w"].numpy() + update[:4].reshape(2, 2)
        arrays = {
            "w": Array(new.astype(np.float32)),
            "steps": Array(old["steps"].numpy() + client),
            "bn": Array(old["bn"].numpy() + update[4:]),
        }
        metrics = MetricRecord({"num-examples": 10 + client, "train_loss": 0.5})
        content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
        return Message(content, reply_to=message)

    @made.evaluate(mods=list(mods))
    def evaluate(message, context):
        metrics = MetricRecord({"num-examples": 3, "accuracy": 0.5})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return made


def start() -> ArrayRecord:
    arrays = {"w": np.zeros((2, 2), np.float32), "steps": np.arange(2)}
    return ArrayRecord({k: Array(v) for k, v in {**arrays, "bn": np.zeros(2)}.items()})


def messages(n: int, kind: str = "train") -> list[Message]:
    config = ConfigRecord({"server-round": 1})
    content = {"arrays": start(), "config": config}
    return [
        Message(RecordDict(content), FIRST_NODE_ID + i, kind, group_id="1")
        for i in range(n)
    ]


def exchange(kind, n=5, mods=(secagg_mod,), down=(), change=None, **settings):
    """The replies of a round by client, the events, the grid and what clients keep."""
    events: list[dict] = []
    mods = mods if kind is SecAggGrid else ()
    with LocalGrid(app(mods, down, change), n, workers=2) as local:
        settings = {"client_ids": IDS, "on_event": events.append, **settings}
        grid = kind(local, **settings)
        replies = list(grid.send_and_receive(messages(n), timeout=60))
        # Not what a checkpoint keeps, which never has the secrets of a round.
        kept = {i for i, c in local._contexts.items() if c.state}
    return {IDS[r.metadata.src_node_id]: r for r in replies}, events, grid, kept


def values_of(reply: Message) -> np.ndarray:
    arrays = reply.content.array_records["arrays"]
    return np.concatenate([arrays[n].numpy().ravel() for n in ("w", "bn")])


@pytest.mark.parametrize("down", [(), (2,), (0, 4)])
def test_every_survivor_replies_with_the_mean_of_the_plain_integers(down):
    replies, events, _, kept = exchange(SecAggGrid, down=down)
    taking_part = [i for i in range(5) if i not in down]
    fixed = FixedPoint(clip=8.0, clients=5)
    total = np.sum(
        [fixed.encode(update_of(i).astype(np.float64)) for i in taking_part],
        *(0, np.uint32),
    )
    mean, _ = fixed.decode(total, len(taking_part))
    for client in taking_part:
        np.testing.assert_array_equal(
            values_of(replies[client])[:4], np.float32(mean[:4])
        )
        np.testing.assert_array_equal(values_of(replies[client])[4:], mean[4:])
        records = replies[client].content
        assert dict(records["metrics"]) == {"num-examples": 1}
        # Integers are not summed: they stay as they were sent.
        np.testing.assert_array_equal(records["arrays"]["steps"].numpy(), [0, 1])
    for client in down:
        assert "out of order" in replies[client].error.reason
    assert not events
    assert not kept


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"group_size": 3, "seed": 5},
        {"group_size": 4, "threshold": 2},
        {"neighbors": 3},
        {"clip": 0.5},
    ],
    ids=repr,
)
def test_the_ideal_grid_gives_the_same_bits_and_the_same_failures(settings):
    found = [
        exchange(kind, n=11, down=(1, 6), **settings)[:2]
        for kind in (SecAggGrid, IdealGrid)
    ]
    (full, told), (ideal, ideally_told) = found
    assert full.keys() == ideal.keys() == set(range(11))
    for client, reply in full.items():
        if reply.has_error():
            assert reply.error.reason == ideal[client].error.reason
        else:
            assert values_of(reply).tobytes() == values_of(ideal[client]).tobytes()
    assert told == ideally_told


@pytest.mark.parametrize("kind", [SecAggGrid, IdealGrid])
def test_a_group_with_too_many_drop_outs_fails_and_the_others_go_on(kind):
    groups = groups_of(range(7), 3, seed=0, round=1)
    small = next(group for group in groups if len(group) == 3)
    replies, events, _, kept = exchange(
        kind, n=7, group_size=3, down=tuple(small[:2]), seed=0
    )
    assert {client for client, r in replies.items() if r.has_error()} == set(small)
    assert "1 of 3 clients are left" in replies[small[2]].error.reason
    (event,) = events
    assert (event["event"], event["client"]) == ("not aggregated", None)
    # The member that was left has been asked to forget its secrets.
    assert set(kept) <= set(small[:2])


def test_values_beyond_the_range_are_clipped_and_counted():
    def large(client):
        return np.array([9.0, -9.0, 0, 0, 0, 0], np.float32) * (client < 2)

    for kind in (SecAggGrid, IdealGrid):
        replies, (event,), _, _ = exchange(kind, change=large)
        np.testing.assert_allclose(
            values_of(replies[0])[:3], [16 / 5, -16 / 5, 0], rtol=1e-6
        )
        assert event["event"] == "values clipped"
        assert event["reason"].startswith("4 of 5 x 6 values were beyond 8.0")


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_client_whose_update_is_not_finite_drops_out(value):
    def bad(client):
        return np.full(SIZE, value if client == 3 else 1.0, np.float32)

    for kind in (SecAggGrid, IdealGrid):
        replies, _, _, _ = exchange(kind, change=bad)
        assert "not finite" in replies[3].error.reason
        np.testing.assert_allclose(values_of(replies[0]), 1, rtol=1e-6)


def test_the_bytes_are_those_of_the_protocol():
    n = 4
    _, _, grid, _ = exchange(SecAggGrid, n=n)
    header = 128  # of a .npy file
    masked = header + 4 * (SIZE + 1)
    # Keys; sealed pairs and commitments, one commitment to the seed; "wrong" is empty.
    shares = (n - 1) * (12 + 32 + 16) + 2 * n * 32 + 32
    assert grid.bytes_up == n * (64 + shares + masked + 16 * n)
    session, model = 16, 3 * header + 4 * 4 + 2 * 8 + 2 * 8
    down = len("keys") + session
    down += len("shares") + session + 8 + 8 + 8 * n + 64 * n
    down += len("upload") + session + 8 + 8 + (n - 1) * (8 + 60 + 64) + model
    down += len("unmask") + session + 8 * n
    assert grid.bytes_down == n * down


def test_a_client_sends_no_plain_update_and_evaluates_as_ever():
    with LocalGrid(app([secagg_mod]), 2, workers=1) as local:
        (plain, _) = local.send_and_receive(messages(2))
        assert "secure aggregation only" in plain.error.reason
        grid = SecAggGrid(local)
        (reply, _) = grid.send_and_receive(messages(2, "evaluate"))
        assert reply.content["metrics"]["accuracy"] == 0.5


def test_drop_outs_that_cut_the_graph_end_the_round_on_both_grids():
    """Clients 1 and 2 mask with each other alone if those between them are down."""
    n = 6
    ring = groups_of(range(n), n, 0, 1)[0]
    for kind in (SecAggGrid, IdealGrid):
        down = (ring[0], ring[3])
        replies, (event,), _, kept = exchange(kind, n=n, down=down, neighbors=2)
        assert all(reply.has_error() for reply in replies.values())
        assert "4 clients left are 2 parts" in event["reason"]
        assert not kept


def test_actions_with_a_name_are_masked_too():
    made = ClientApp()
    seen = []

    @made.train("mine", mods=[secagg_mod])
    def train(message, context):
        seen.append(message.metadata.message_type)
        client = context.node_config["partition-id"]
        arrays = dict(message.content.array_records["arrays"])
        arrays["w"] = Array(np.full((2, 2), client, np.float32))
        content = {"arrays": ArrayRecord(arrays), "metrics": MetricRecord({})}
        return Message(RecordDict(content), reply_to=message)

    with LocalGrid(made, 3, workers=1) as local:
        (plain, *_) = local.send_and_receive(messages(3, "train.mine"))
        assert "secure aggregation only" in plain.error.reason
        replies = list(SecAggGrid(local).send_and_receive(messages(3, "train.mine")))
    assert seen == ["train.mine"] * 3
    for reply in replies:
        np.testing.assert_allclose(values_of(reply)[:4], 1.0, atol=1e-7)


def test_secrets_are_forgotten_with_the_session():
    """After a failed training, an early end, a refused stage and an evaluation."""

    def ask(local, content, kind="train"):
        message = Message(RecordDict(content), FIRST_NODE_ID, kind)
        (reply,) = local.send_and_receive([message])
        return reply

    keys = ConfigRecord({"stage": "keys", "session": bytes(16)})
    other = ConfigRecord({"stage": "unmask", "session": bytes(range(16))})
    with LocalGrid(app([secagg_mod]), 1, workers=1) as local:
        for content, kind in (
            ({SECAGG: other}, "train"),
            ({SECAGG: ConfigRecord({"stage": "?"})}, "train"),
            ({"arrays": start()}, "train"),
            ({}, "evaluate"),
        ):
            assert not ask(local, {SECAGG: keys}).has_error()
            (context,) = local._contexts.values()
            assert "key" in context.state[SECAGG]
            assert local.kept() == {}  # no checkpoint holds them
            assert ask(local, content, kind).has_error() == (kind == "train")
            (context,) = local._contexts.values()
            assert not context.state


def test_the_stages_share_the_timeout_of_the_round():
    waited = []

    class Watched(WrappedGrid):
        def send_and_receive(self, messages, *, timeout=None):
            waited.append(timeout)
            return super().send_and_receive(messages, timeout=timeout)

    with LocalGrid(app([secagg_mod]), 2, workers=1) as local:
        grid = SecAggGrid(Watched(local))
        list(grid.send_and_receive(messages(2), timeout=1000))
        upto = [200, 400, 900, 1000]
        assert all(
            limit - 100 < t <= limit for t, limit in zip(waited, upto, strict=True)
        )
        waited.clear()
        list(grid.send_and_receive(messages(2)))
        assert waited == [None] * 4


def test_clients_without_the_mod_are_named():
    replies, _, _, _ = exchange(SecAggGrid, mods=())
    assert all(reply.has_error() for reply in replies.values())


@pytest.mark.parametrize("stage", ["keys", "shares", "upload", "unmask"])
@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {SECAGG: ConfigRecord({})},
        {SECAGG: MetricRecord({"a": 1.0})},
        {
            SECAGG: ConfigRecord({"wrong": []}),
            MASKED: ArrayRecord({MASKED: Array("uint32", (7,), "numpy.ndarray", b"?")}),
        },
        {
            SECAGG: ConfigRecord({"wrong": []}),
            MASKED: ArrayRecord({MASKED: Array(np.zeros(7))}),
        },
        None,
    ],
    ids=["nothing", "empty", "metrics", "bytes", "floats", "silence"],
)
def test_a_hostile_client_is_named_and_the_others_go_on(stage, hostile):
    def mod(message, context, call_next):
        asked = message.content.config_records[SECAGG]
        if context.node_config["partition-id"] != 1 or asked["stage"] != stage:
            return call_next(message, context)
        if hostile is None:
            return "no message"
        return Message(RecordDict(dict(hostile)), reply_to=message)

    replies, events, _, _ = exchange(SecAggGrid, mods=(mod, secagg_mod))
    failed = {client for client, r in replies.items() if r.has_error()}
    told = {(event["event"], event["client"]) for event in events}
    # Its update is in the sum if it came before the client misbehaved.
    if stage == "unmask":
        assert (failed, told) == (set(), {("no share", 1)})
    else:
        assert (failed, told) == ({1}, set())
        assert replies[1].error.reason
    present = list(range(5)) if stage == "unmask" else [0, 2, 3, 4]
    expected = np.mean([update_of(i) for i in present], axis=0)
    np.testing.assert_allclose(values_of(replies[0]), expected, atol=1e-6)


def test_a_wrong_share_is_an_event_that_names_the_client():
    def mod(message, context, call_next):
        reply = call_next(message, context)
        record = reply.content[SECAGG]
        if context.node_config["partition-id"] == 3 and "seed_shares" in record:
            record["seed_shares"] = [bytes(16)] * len(record["seed_shares"])
        return reply

    replies, events, _, _ = exchange(SecAggGrid, mods=(mod, secagg_mod))
    assert not any(reply.has_error() for reply in replies.values())
    assert {(e["event"], e["client"]) for e in events} == {("wrong share", 3)}


@pytest.mark.parametrize("seed", [0, 3])
def test_a_robust_rule_sees_one_row_for_each_group(seed):
    events: list[dict] = []
    n, ids = 9, {FIRST_NODE_ID + i: i for i in range(9)}
    strategy = RobustStrategy(
        rule=Median(),
        preaggregators=[Groups(size=3)],
        fraction_evaluate=0.0,
        client_ids=ids,
        statistics=["bn"],
        seed=seed,
    )
    with LocalGrid(app([secagg_mod], down=(2,)), n, workers=2) as local:
        grid = SecAggGrid(local, group_size=3, seed=seed, client_ids=ids)
        result = strategy.start(grid, start(), num_rounds=1)
    groups = [[i for i in group if i != 2] for group in groups_of(range(n), 3, seed, 1)]
    rows = [np.mean([update_of(i) for i in group], axis=0) for group in groups]
    found = result.arrays["w"].numpy().ravel()
    np.testing.assert_allclose(found, np.median(rows, axis=0)[:4], atol=1e-6)
    assert not events
    assert strategy.last_round.failed.keys() == {2}


def test_flowers_own_fedavg_computes_the_mean():
    n = 4
    with LocalGrid(app([secagg_mod]), n, workers=2) as local:
        strategy = FedAvg(min_available_nodes=n, fraction_evaluate=0.0)
        result = strategy.start(SecAggGrid(local), start(), num_rounds=2)
    expected = 2 * np.mean([update_of(i) for i in range(n)], axis=0)
    np.testing.assert_allclose(
        result.arrays["w"].numpy().ravel(), expected[:4], atol=1e-6
    )


def test_the_mean_of_one_group_is_that_row_to_the_bit():
    replies, _, _, _ = exchange(SecAggGrid)
    ids = {node: client for node, client in IDS.items() if client < 5}
    strategy = RobustStrategy(rule=Mean(), fraction_evaluate=0.0, client_ids=ids)
    with LocalGrid(app([secagg_mod]), 5, workers=2) as local:
        grid = SecAggGrid(local, client_ids=ids)
        result = strategy.start(grid, start(), num_rounds=1)
    # The global arrays are 0, so the step is the mean itself.
    sent = values_of(replies[0])[:4]
    assert result.arrays["w"].numpy().ravel().tobytes() == np.float32(sent).tobytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip": 0.0}, "clip=0.0: must be above 0"),
        ({"group_size": 1}, "group_size=1: must be at least 2"),
        ({"threshold": 1}, "threshold=1: must be at least 2"),
        ({"neighbors": 1}, "neighbors=1: must be at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with (
        LocalGrid(app(), 2, workers=1) as local,
        pytest.raises(ValueError, match=message),
    ):
        SecAggGrid(local, **settings)


def test_one_client_hides_nothing_and_is_not_aggregated():
    replies, events, _, _ = exchange(SecAggGrid, n=1)
    assert "1 clients hold 1 shares" in replies[0].error.reason
    assert len(events) == 1
