"""Replies, sorted by client: which count, and in which order."""

from flwr.app import ConfigRecord, Message, RecordDict

from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.rules import Mean
from tests.messages import global_arrays
from tests.strategies.federation import (
    NUM_CLIENTS,
    every_rule,
    federation,
    honest_reply,
    prepared,
    random_models,
)
from tests.strategies.one_round import replies_of


def configured(rule=None):
    """A strategy that has sent its messages of round 1, and these messages."""
    events: list[dict] = []
    strategy = RobustStrategy(rule=rule or Mean(), on_event=events.append)
    grid = LocalGrid(federation(), NUM_CLIENTS, workers=1)
    messages = list(strategy.configure_train(1, global_arrays(), ConfigRecord(), grid))
    return strategy, list(grid.send_and_receive(messages)), events


@every_rule
def test_arrival_order_changes_no_bit(rule, rng):
    models = random_models(rng)
    found = []
    for order in (range(7), reversed(range(7)), [3, 0, 6, 1, 5, 2, 4]):
        replies = replies_of(models)
        arrays, _ = prepared(rule).aggregate_train(1, [replies[i] for i in order])
        found.append([array.data for array in arrays.values()])
    assert found[0] == found[1] == found[2]


def test_duplicates_strangers_and_stale_replies_do_not_count():
    strategy, replies, events = configured()
    stranger = honest_reply(
        Message(RecordDict({"arrays": global_arrays()}), 4242, "train", group_id="1"),
        0,
    )
    stale = honest_reply(
        Message(
            RecordDict({"arrays": global_arrays()}),
            replies[4].metadata.src_node_id,
            "train",
            group_id="0",
        ),
        4,
    )
    strategy.aggregate_train(1, [*replies[:4], replies[3], stranger, stale])
    report = strategy.last_round
    assert report.accepted == [0, 1, 2]
    assert report.quarantined == {3: "answered more than once"}
    assert report.failed == dict.fromkeys((4, 5, 6), "no reply in time")
    assert [e["event"] for e in events].count("unexpected") == 2
