"""RobustStrategy on an in-process grid: whatever a client does, the round goes on."""

import math
import pickle
import re
import weakref
from collections.abc import Callable
from dataclasses import replace

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

from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.preaggregators import ARC, NNM, Clipping
from strategies.rules import (
    CGE,
    FLAME,
    FLANDERS,
    SFAT,
    Aggregate,
    Bulyan,
    FLDetector,
    FLTrust,
    GeometricMedian,
    Krum,
    Mean,
    Median,
    MoNNA,
    MultiKrum,
    Rule,
    TrimmedMean,
)
from strategies.server_optimizers import SGD
from strategies.transport.arrays import unpack
from strategies.transport.grids import HandOver
from strategies.updates import add
from tests.conformance.members import MEMBERS
from tests.messages import global_arrays, reply
from tests.strategies import one_round
from tests.strategies.one_round import record, replies_of
from tests.strategies.test_screening import (
    GOOD,
    HOSTILE_ARRAYS,
    HOSTILE_EXAMPLES,
    with_weight,
)

NUM_CLIENTS = 7
BAD = 2


def honest_reply(message: Message, client: int) -> Message:
    """Add 1 + client / 100 to every value."""
    # Not Array.numpy: on Python 3.11 np.load may fail where several threads call it.
    step = np.float32(1 + client / 100)
    arrays = {
        name: Array(unpack(array) + step)
        for name, array in message.content.array_records["arrays"].items()
    }
    metrics = MetricRecord({"num-examples": 10, "train_loss": float(client)})
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
    return Message(content, reply_to=message)


def federation(bad: Callable[[Message], Message] | None = None) -> ClientApp:
    """A NumPy ClientApp in which one client may misbehave."""
    app = ClientApp()

    @app.train()
    def train(message, context):
        client = context.node_config["partition-id"]
        if bad is not None and client == BAD:
            return bad(message)
        return honest_reply(message, client)

    @app.evaluate()
    def evaluate(message, context):
        client = context.node_config["partition-id"]
        if bad is not None and client == BAD:
            return bad(message)
        metrics = MetricRecord({"num-examples": 1 + client, "accuracy": client / 10})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


METRICS = MetricRecord({"num-examples": 10, "train_loss": 0.0})


def sends(content: dict) -> Callable[[Message], Message]:
    """A client that always answers this."""
    return lambda message: Message(RecordDict(dict(content)), reply_to=message)


def start(
    app: ClientApp, num_rounds: int = 2, num_clients: int = NUM_CLIENTS, **kwargs
):
    events: list[dict] = []
    ids = {FIRST_NODE_ID + client: client for client in range(num_clients)}
    kwargs = {"fraction_evaluate": 0.0, "client_ids": ids, **kwargs}
    strategy = RobustStrategy(
        on_event=events.append, train_on_root=train_on_root, **kwargs
    )
    with LocalGrid(app, num_clients, workers=2) as grid:
        result = strategy.start(grid, global_arrays(), num_rounds=num_rounds)
    return result, strategy, events


def among_seven(rule: Rule) -> Rule:
    """The same rule for seven clients of whom one is Byzantine."""
    changes = {"f": 1, "trusted": 4}
    return replace(
        rule, **{k: v for k, v in changes.items() if getattr(rule, k) is not None}
    )


RULES = [among_seven(member.rule) for member in MEMBERS]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def train_on_root(round, arrays):
    """What the server's own data would have it learn: one more, everywhere."""
    return {name: value + np.float32(1) for name, value in arrays.items()}


def test_fedavg_by_hand():
    result, strategy, events = start(federation(), rule=Mean(), num_rounds=2)
    # Each round adds the mean of 1.00 ... 1.06, which is 1.03.
    np.testing.assert_allclose(result.arrays["weight"].numpy(), 2.06, rtol=1e-6)
    assert result.arrays["bias"].numpy().dtype == np.float32
    assert events == []
    report = strategy.last_round
    assert report.round == 2
    assert report.accepted == list(range(NUM_CLIENTS))
    assert report.metrics["train_loss"] == 3
    assert report.bytes_down == report.bytes_up > 7 * 7 * 4


def test_krum_reports_whom_it_selected():
    _, strategy, _ = start(federation(), rule=Krum(f=1))
    assert strategy.last_round.selected in ([2], [3], [4])


def test_server_learning_rate_scales_the_step():
    optimizer = SGD(learning_rate=0.5)
    result, _, _ = start(
        federation(), rule=Mean(), num_rounds=1, server_optimizer=optimizer
    )
    np.testing.assert_allclose(result.arrays["weight"].numpy(), 0.515, rtol=1e-6)


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_hostile_arrays_are_quarantined(name):
    arrays, reason = HOSTILE_ARRAYS[name]
    result, _, events = start(
        federation(sends({"arrays": arrays, "metrics": METRICS})),
        rule=Mean(weighted=True),
    )
    assert [(e["event"], e["round"], e["client"]) for e in events] == [
        ("quarantined", 1, BAD),
        ("quarantined", 2, BAD),
    ]
    assert all(re.search(reason, e["reason"]) for e in events)
    for array in result.arrays.values():
        assert array.numpy().dtype == np.float32
        assert (array.numpy() > 1.9).all()
        assert (array.numpy() < 2.2).all()


@pytest.mark.parametrize("count", HOSTILE_EXAMPLES, ids=repr)
def test_a_liar_about_num_examples_does_not_own_fedavg(count):
    def bad(message):
        metrics = MetricRecord({"num-examples": count})
        content = RecordDict({"arrays": global_arrays(1e6), "metrics": metrics})
        return Message(content, reply_to=message)

    result, _, events = start(federation(bad), rule=Mean(weighted=True))
    assert {e["event"] for e in events} == {"quarantined"}
    assert (result.arrays["weight"].numpy() < 2.2).all()


@every_rule
def test_a_huge_finite_update_reaches_the_rule_and_the_model_stays_finite(rule):
    huge = sends({"arrays": with_weight(GOOD * 3e38), "metrics": METRICS})
    result, strategy, events = start(federation(huge), rule=rule)
    assert events == []
    assert strategy.last_round.accepted == list(range(NUM_CLIENTS))
    assert np.isfinite(result.arrays["weight"].numpy()).all()
    (member,) = [m for m in MEMBERS if among_seven(m.rule) == rule]
    if member.hull is not None:
        # Two steps between 1.00 and 1.06, widened by their width.
        slack = 2 * member.hull * 0.06 + 1e-5
        assert (result.arrays["weight"].numpy() >= 2 - slack).all()
        assert (result.arrays["weight"].numpy() <= 2.12 + slack).all()


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), SystemExit(3)])
def test_a_client_that_raises_is_left_out(error):
    def bad(message):
        raise error

    result, strategy, events = start(federation(bad), rule=Mean())
    assert [e["event"] for e in events] == ["failed", "failed"]
    assert strategy.last_round.failed[BAD].startswith(type(error).__name__)
    assert (result.arrays["weight"].numpy() > 1.9).all()


def test_a_round_with_too_few_replies_is_skipped_and_the_model_kept():
    strategy = one_round.configured(Krum(f=1), 6, record(w=0))
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=1)] * 4))
    assert arrays is None, "Flower keeps the initial arrays"
    assert "needs at least 5 updates, not 4" in (strategy.last_round.skipped or "")


@pytest.mark.parametrize(
    ("n", "left", "rule", "chain", "lower", "lower_chain"),
    [
        (5, 4, Krum(f=1), (), Krum(f=0), ()),
        (11, 10, Bulyan(f=2), (), Bulyan(f=1), ()),
        # No more than needs be: seven rows allow f = 3, though three are missing.
        (10, 7, TrimmedMean(f=4), (), TrimmedMean(f=3), ()),
        (23, 18, Krum(f=10), (), Krum(f=7), ()),
        (7, 6, Median(), (ARC(f=3),), Median(), (ARC(f=2),)),
        # The rule within has the same f.
        (5, 4, FLDetector(rule=Krum(f=1)), (), FLDetector(rule=Krum(f=0)), ()),
        (
            *(9, 8, FLANDERS(f=2, rule=Krum(f=2)), ()),
            *(FLANDERS(f=1, rule=Krum(f=1)), ()),
        ),
    ],
    ids=repr,
)
def test_who_is_missing_is_one_of_the_f(n, left, rule, chain, lower, lower_chain):
    models = [record(w=[w, w * w]) for w in range(1, left + 1)]
    nan = record(w=[1, np.nan])
    for replies in ([*models, nan], models):
        events: list[dict] = []
        strategy = one_round.configured(
            rule, n, record(w=[0, 0]), events, preaggregators=chain
        )
        arrays, _ = strategy.aggregate_train(1, replies_of(replies))
        assert [e["event"] for e in events].count("quarantined") == (nan in replies)
        assert events[-1]["event"] == "f lowered"
        assert repr(lower_chain[0] if chain else lower) in events[-1]["reason"]
        strategy = one_round.configured(
            lower, left, record(w=[0, 0]), preaggregators=lower_chain
        )
        wanted, _ = strategy.aggregate_train(1, replies_of(models))
        np.testing.assert_array_equal(arrays["w"].numpy(), wanted["w"].numpy())


def test_clients_that_were_never_there_are_missing_too():
    strategy = one_round.configured(Krum(f=1), 4, record(w=0), absent=1)
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=w) for w in range(4)]))
    assert arrays is not None
    strategy.check(4)
    with pytest.raises(ValueError, match="at least 5 updates, not 3"):
        strategy.check(3)
    with pytest.raises(ValueError, match="ARC"):
        RobustStrategy(rule=Median(), preaggregators=[ARC(f=2)]).check(4)


def test_one_client_cannot_stop_a_rule_at_the_bound_it_was_published_with():
    nan = sends({"arrays": with_weight(GOOD * np.nan), "metrics": METRICS})
    result, _, events = start(
        federation(nan), rule=Krum(f=1), num_rounds=3, num_clients=5
    )
    assert [e["event"] for e in events] == 3 * ["quarantined", "f lowered"]
    assert (result.arrays["weight"].numpy() > 2.9).all()


def test_every_reply_an_error_is_a_skipped_round():
    app = ClientApp()

    @app.train()
    def train(message, context):
        raise ValueError("all down")

    _, strategy, events = start(app, rule=Mean(), num_rounds=3)
    assert strategy.last_round.skipped
    assert sum(e["event"] == "round skipped" for e in events) == 3


def configured(rule=None):
    """A strategy that has sent its messages of round 1, and these messages."""
    events: list[dict] = []
    strategy = RobustStrategy(rule=rule or Mean(), on_event=events.append)
    grid = LocalGrid(federation(), NUM_CLIENTS, workers=1)
    messages = list(strategy.configure_train(1, global_arrays(), ConfigRecord(), grid))
    return strategy, list(grid.send_and_receive(messages)), events


def random_models(rng) -> list[ArrayRecord]:
    """Seven models that moved roughly one way from 0."""
    values = 0.5 + 0.3 * rng.normal(size=(NUM_CLIENTS, 40))
    return [record(w=row[:30], b=row[30:]) for row in values]


def prepared(rule, **kwargs):
    """A strategy of seven clients that waits for the replies of round 1."""
    initial = record(w=np.zeros(30), b=np.zeros(10))
    return one_round.configured(
        rule, NUM_CLIENTS, initial, train_on_root=train_on_root, **kwargs
    )


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


def test_statistics_follow_the_selected_rows_and_integers_stay():
    app = ClientApp()

    @app.train()
    def train(message, context):
        client = context.node_config["partition-id"]
        arrays = {
            "w": Array(np.full(2, 1.0 if client < 6 else 99.0, np.float32)),
            "bn": Array(np.full(1, 10.0 * client, np.float32)),
            "count": Array(np.array(client, np.int64)),
        }
        metrics = MetricRecord({"num-examples": 1})
        content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
        return Message(content, reply_to=message)

    initial = ArrayRecord(
        {
            "w": Array(np.zeros(2, np.float32)),
            "bn": Array(np.zeros(1, np.float32)),
            "count": Array(np.array(5, np.int64)),
        }
    )
    for rule, expected in [
        (MultiKrum(f=1, m=5), 20.0),  # rows 0 to 4
        (MultiKrum(f=1, m=2), 30.0),  # two are no majority: the median of all
        (Mean(), 30.0),  # all rows, weighted alike
        (Median(), 30.0),  # the median of 0, 10, ..., 60
    ]:
        strategy = RobustStrategy(rule=rule, statistics=["bn"])
        with LocalGrid(app, NUM_CLIENTS, workers=2) as grid:
            result = strategy.start(grid, initial, num_rounds=1)
        assert result.arrays["bn"].numpy() == pytest.approx(expected)
        assert result.arrays["count"].numpy() == 5


@every_rule
@pytest.mark.parametrize("f", [1, 2, 3])
def test_clients_with_fair_updates_do_not_own_the_statistics(rule, f, rng):
    if isinstance(rule, Mean):
        return  # it tolerates nobody
    n = 4 * f + 3
    rule = replace(rule, **({"f": f} if rule.f is not None else {}))
    rows = 0.5 + 0.3 * rng.normal(size=(n, 40))
    # Theirs lie between the honest ones, in their midst.
    rows[:f] = rows[f:].mean(axis=0) + 0.01 * rng.normal(size=(f, 40))
    models = [
        record(w=row[:30], b=row[30:], bn=-1e9 if client < f else client)
        for client, row in enumerate(rows)
    ]
    strategy = one_round.configured(
        rule,
        n,
        record(w=np.zeros(30), b=np.zeros(10), bn=1),
        train_on_root=train_on_root,
        statistics=["bn"],
    )
    arrays, _ = strategy.aggregate_train(1, replies_of(models))
    assert f <= arrays["bn"].numpy() < n


def test_federated_evaluation_averages_over_examples_and_skips_the_malformed():
    result, strategy, _ = start(
        federation(), rule=Mean(), num_rounds=1, fraction_evaluate=1.0
    )
    expected = sum((1 + c) * c / 10 for c in range(7)) / sum(1 + c for c in range(7))
    found = result.evaluate_metrics_clientapp[1]
    assert found["accuracy"] == pytest.approx(expected)
    assert found["clients"] == 7
    assert strategy.last_round.evaluation == dict(found)

    def bad(message):
        metrics = MetricRecord({"num-examples": 10**12, "accuracy": 1.0})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    result, _, events = start(
        federation(bad), rule=Mean(), num_rounds=1, fraction_evaluate=1.0
    )
    assert result.evaluate_metrics_clientapp[1]["clients"] == 6
    assert "evaluation quarantined" in [e["event"] for e in events]


@pytest.mark.parametrize("value", [1e308, -1e308, 1.7e308, 5.0, -0.1])
def test_a_client_cannot_crash_or_leave_the_range_of_the_evaluation(value):
    def bad(message):
        metrics = MetricRecord({"num-examples": 10**7, "accuracy": value})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    for bounds in ((0.0, 1.0), (-math.inf, math.inf)):
        result, _, _ = start(
            federation(bad), rule=Mean(), num_rounds=1, fraction_evaluate=1.0,
            evaluate_range=bounds,
        )  # fmt: skip
        accuracy = result.evaluate_metrics_clientapp[1]["accuracy"]
        assert math.isfinite(accuracy)
        if bounds == (0.0, 1.0):
            assert 0 <= accuracy <= 1


def test_a_metric_that_one_client_makes_up_is_not_reported():
    def bad(message):
        metrics = MetricRecord({"num-examples": 10, "round": 99.0, "train_loss": 1e300})
        arrays = message.content.array_records["arrays"]
        content = RecordDict({"arrays": arrays, "metrics": metrics})
        return Message(content, reply_to=message)

    _, strategy, _ = start(federation(bad), rule=Mean())
    assert set(strategy.last_round.metrics) == {"train_loss"}
    assert strategy.last_round.metrics["train_loss"] <= 6


def weird_replies():
    def with_metrics(metrics):
        def bad(message):
            arrays = message.content.array_records["arrays"]
            content = RecordDict({"arrays": arrays, "metrics": metrics})
            return Message(content, reply_to=message)

        return bad

    def with_data(data):
        def bad(message):
            arrays = global_arrays(1.0)
            arrays["weight"].data = data
            metrics = MetricRecord({"num-examples": 10})
            content = RecordDict({"arrays": arrays, "metrics": metrics})
            return Message(content, reply_to=message)

        return bad

    return {
        "huge metric": with_metrics(MetricRecord({"num-examples": 5, "x": 10**400})),
        "huge num-examples": with_metrics(MetricRecord({"num-examples": 10**5000})),
        "text for bytes": with_data("text"),
        "nothing for bytes": with_data(None),
        "no message": lambda message: None,
        "a number": lambda message: 3,
        "an endless name": lambda message: Message(
            RecordDict(
                {
                    "a": ArrayRecord({"x" * 10**6: Array(GOOD)}),
                    "m": MetricRecord({"num-examples": 1}),
                }
            ),
            reply_to=message,
        ),
    }


@pytest.mark.parametrize("name", weird_replies())
def test_weird_replies_stop_nothing(name):
    result, strategy, events = start(federation(weird_replies()[name]), rule=Median())
    assert len(events) == 2
    assert all(len(event["reason"]) < 400 for event in events)
    assert BAD not in strategy.last_round.accepted
    assert (result.arrays["weight"].numpy() > 1.9).all()


@pytest.mark.parametrize("kwargs", [{"fraction_train": 0}, {"fraction_evaluate": 2}])
def test_fractions_out_of_range_are_refused(kwargs):
    with pytest.raises(ValueError, match="must be in"):
        RobustStrategy(rule=Mean(), **kwargs)


@pytest.mark.parametrize("dtype", ["c8", "V2"])
def test_arrays_that_nobody_would_aggregate_are_refused_before_the_first_round(dtype):
    # bfloat16 of other libraries is written as V2 by NumPy.
    arrays = ArrayRecord({"w": Array(np.zeros(2, dtype))})
    strategy = RobustStrategy(rule=Mean())
    with (
        LocalGrid(federation(), 2, workers=1) as grid,
        pytest.raises(ValueError, match=r"array 'w' has dtype .*must be floats"),
    ):
        strategy.start(grid, arrays, num_rounds=1)
    assert strategy.last_round is None


# --- the whole catalogue, against every rule ------------------------------------------


def raises(error: BaseException) -> Callable[[Message], Message]:
    def bad(message):
        raise error

    return bad


def catalogue() -> dict[str, tuple[Callable[[Message], Message], str]]:
    """What a hostile client does, and what the event must say, by name."""
    good = global_arrays(9)
    clients = {
        name: (sends({"arrays": arrays, "metrics": METRICS}), reason)
        for name, (arrays, reason) in HOSTILE_ARRAYS.items()
    }
    for count in HOSTILE_EXAMPLES:
        metrics = MetricRecord({"num-examples": count})
        content = {"arrays": good, "metrics": metrics}
        clients[f"num-examples {count!r}"] = (sends(content), "num-examples=")
    loss = MetricRecord({"loss": 1.0})
    clients |= {
        "no num-examples": (sends({"a": good, "m": loss}), "num-examples=None"),
        "no metrics": (sends({"a": good}), "0 MetricRecords"),
        "two metrics": (sends({"a": good, "m": METRICS, "n": loss}), "2 MetricRecords"),
        "no arrays": (sends({"m": METRICS}), "0 ArrayRecords"),
        "two arrays": (sends({"a": good, "b": good, "m": METRICS}), "2 ArrayRecords"),
        "nothing": (sends({}), "0 ArrayRecords"),
        "an error": (raises(RuntimeError("out of memory")), "out of memory"),
        "an exit": (raises(SystemExit(3)), "SystemExit"),
    }
    clients |= {
        name: (bad, ".")
        for name, bad in weird_replies().items()
        if name != "huge metric"  # that one counts, without its metric
    }
    return clients


CATALOGUE = catalogue()


def catalogue_federation() -> ClientApp:
    """Seven honest clients, then one for each entry of the catalogue."""
    hostile = list(CATALOGUE.values())
    app = ClientApp()

    @app.train()
    def train(message, context):
        client = context.node_config["partition-id"]
        if client < NUM_CLIENTS:
            return honest_reply(message, client)
        return hostile[client - NUM_CLIENTS][0](message)

    return app


@every_rule
def test_no_hostile_reply_changes_a_bit_of_any_rule(rule):
    among_hostile, strategy, events = start(
        catalogue_federation(),
        num_rounds=3,
        num_clients=NUM_CLIENTS + len(CATALOGUE),
        rule=rule,
    )
    alone, _, quiet = start(federation(), num_rounds=3, rule=rule)
    assert quiet == []
    # Three honest steps are at most 3 x 1.06.
    for name, array in among_hostile.arrays.items():
        assert array.data == alone.arrays[name].data
        assert array.numpy().dtype == np.float32
        assert (array.numpy() >= 0).all()
        assert (array.numpy() <= 3.2).all()
    assert strategy.last_round.round == 3
    assert strategy.last_round.accepted == list(range(NUM_CLIENTS))
    named = [(event["round"], event["client"]) for event in events]
    hostile = range(NUM_CLIENTS, NUM_CLIENTS + len(CATALOGUE))
    assert sorted(named) == [(r, client) for r in (1, 2, 3) for client in hostile]
    reasons = [reason for _, reason in CATALOGUE.values()]
    for event in events:
        assert event["event"] in ("quarantined", "failed")
        assert re.search(reasons[event["client"] - NUM_CLIENTS], event["reason"])


@every_rule
def test_a_round_that_nobody_survives_is_skipped_by_every_rule(rule):
    strategy = prepared(rule)
    nan = record(w=np.full(30, np.nan), b=np.zeros(10))
    arrays, _ = strategy.aggregate_train(1, replies_of([nan] * NUM_CLIENTS))
    assert arrays is None
    assert strategy.last_round.skipped == "no update is left"
    assert len(strategy.last_round.quarantined) == NUM_CLIENTS
    assert strategy.rule_state is None


@every_rule
def test_below_its_minimum_every_rule_skips_and_at_it_none_does(rule, rng):
    models, minimum = random_models(rng), rule.min_clients
    # MoNNA's trusted client, 4, must be among them.
    order = [4, 0, 1, 2, 3, 5, 6]
    for count in (minimum - 1, minimum):
        # Of nine more than f = 1 are missing: they do not count as its Byzantine one.
        strategy = one_round.configured(
            rule,
            NUM_CLIENTS + 2,
            record(w=np.zeros(30), b=np.zeros(10)),
            train_on_root=train_on_root,
        )
        replies = replies_of(models)
        kept = [replies[client] for client in order[:count]]
        arrays, _ = strategy.aggregate_train(1, kept)
        skipped = strategy.last_round.skipped
        if count == minimum:
            assert skipped is None
            assert arrays is not None
        else:
            assert arrays is None
            assert "at least" in skipped or "no update is left" in skipped


# --- what the rule may know, and what the report tells --------------------------------


def test_a_rule_that_needs_root_data_is_refused_without_it():
    with pytest.raises(ValueError, match=r"FLTrust\(\) needs train_on_root"):
        RobustStrategy(rule=FLTrust())


def test_the_root_update_is_trained_once_a_round_on_that_rounds_arrays():
    asked: list[tuple[int, float]] = []

    def root(round, arrays):
        asked.append((round, float(arrays["w"][0])))
        return {"w": arrays["w"] + np.array([0, 2], np.float32)}

    # FLTrust's hand-worked case: (0.96, 3.28) / 1.8.
    updates = [(0, 4), (3, 4), (0, -1), (7, 0)]
    step = np.array([0.96 / 1.8, 3.28 / 1.8], np.float32)
    strategy = one_round.configured(FLTrust(), 4, record(w=[0, 0]), train_on_root=root)
    for _ in range(2):
        preview = strategy.preview(np.array(updates, np.float32), range(4), [10] * 4)
        np.testing.assert_allclose(preview, step, rtol=1e-6)
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=u) for u in updates]))
    np.testing.assert_allclose(arrays["w"].numpy(), step, rtol=1e-6)
    assert asked == [(1, 0.0)]
    # The cosine of (7, 0) is 0: it is left out, as is (0, -1); 0.8 / 1.8 is not below
    # half of 1 / 4.
    assert strategy.last_round.excluded == [2, 3]
    list(strategy.configure_train(2, arrays, ConfigRecord(), None))
    strategy.preview(np.array(updates, np.float32), range(4), [10] * 4)
    assert asked == [(1, 0.0), (2, float(step[0]))]


def test_a_rule_without_need_of_root_data_never_trains_on_it(rng):
    def root(round, arrays):
        raise AssertionError("nobody asked for it")

    initial = record(w=np.zeros(30), b=np.zeros(10))
    strategy = one_round.configured(Krum(f=1), 7, initial, train_on_root=root)
    arrays, _ = strategy.aggregate_train(1, replies_of(random_models(rng)))
    assert arrays is not None


@every_rule
@pytest.mark.parametrize("chain", [(), (Clipping(c=3.0), NNM(f=1))], ids=repr)
def test_a_preview_changes_no_state_and_is_what_is_then_applied(rule, chain, rng):
    strategy = prepared(rule, preaggregators=chain)
    old = {"w": np.zeros(30, np.float32), "b": np.zeros(10, np.float32)}
    for round in range(1, 5):
        models = random_models(rng)
        trained = [{n: old[n] + m[n].numpy() for n in old} for m in models]
        updates = np.stack(
            [np.concatenate([t[n] - old[n] for n in old]) for t in trained]
        )
        before = pickle.dumps((strategy.rule_state, strategy.server_state))
        given = updates.copy()
        first = strategy.preview(updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        # Another preview, of something else, must not matter either.
        strategy.preview(-updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        second = strategy.preview(updates, range(NUM_CLIENTS), [10] * NUM_CLIENTS)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(updates, given)
        assert pickle.dumps((strategy.rule_state, strategy.server_state)) == before
        replies = replies_of([record(**t) for t in trained], round=round)
        arrays, _ = strategy.aggregate_train(round, replies)
        expected = add(old, first, list(old))
        old = {name: arrays[name].numpy() for name in old}
        for name in old:
            np.testing.assert_array_equal(old[name], expected[name])
        list(strategy.configure_train(round + 1, arrays, ConfigRecord(), None))


def one_value_round(rule, values, num_examples=None, **kwargs):
    """The report of one round on a model of one value, which is 0."""
    strategy = one_round.configured(rule, len(values), record(w=0), **kwargs)
    replies = replies_of([record(w=value) for value in values], num_examples)
    strategy.aggregate_train(1, replies)
    return strategy.last_round


@pytest.mark.parametrize(
    ("rule", "selected", "excluded"),
    [
        # Scores 5, 2, 2, 5 and more for 0 1 2 3 50, with two neighbours each.
        (MultiKrum(f=1, m=2), [1, 2], [0, 3, 4]),
        # Weights 1 1 1 1 16 are what clients declare: the mean judges nobody.
        (Mean(), None, None),
        (Mean(weighted=True), None, None),
        (Median(), None, None),
    ],
    ids=repr,
)
def test_the_report_names_who_was_selected_and_who_left_out(rule, selected, excluded):
    report = one_value_round(rule, [0, 1, 2, 3, 50], [1, 1, 1, 1, 16])
    assert report.selected == selected
    assert report.excluded == excluded


def test_the_report_names_clients_where_rows_are_fewer():
    # Client 1 is quarantined: rows are clients 0 2 3 4 5, of scores 5 2 2 5 and more.
    values = [0, np.nan, 1, 2, 3, 50]
    report = one_value_round(MultiKrum(f=1, m=2), values)
    assert report.accepted == [0, 2, 3, 4, 5]
    assert report.selected == [2, 3]
    assert report.excluded == [0, 4, 5]


def test_rows_that_a_preaggregator_mixed_have_no_clients():
    report = one_value_round(
        MultiKrum(f=1, m=2), [0, 1, 2, 4, 50], preaggregators=[NNM(f=1)]
    )
    assert report.selected is None
    assert report.excluded is None


class Picky(Mean):
    """A rule that is undefined for its second round, and counts the others."""

    def aggregate(self, updates, state, context):
        if context.round == 2:
            raise ValueError("round 2 is not to my taste")
        found = super().aggregate(updates, state, context)
        return Aggregate(vector=found.vector, state=(state or 0) + 1)


def test_a_rule_that_is_undefined_for_a_round_skips_it_and_goes_on():
    optimizer = SGD(momentum=0.5)
    result, strategy, events = start(
        federation(), num_rounds=3, rule=Picky(), server_optimizer=optimizer
    )
    assert [(e["event"], e["round"], e["client"]) for e in events] == [
        ("round skipped", 2, None)
    ]
    assert events[0]["reason"] == "round 2 is not to my taste"
    # Momentum and state are as round 1 left them: 1.03, then 1.03 + 0.5 * 1.03.
    assert strategy.rule_state == 2
    expected = 1.03 + 1.545
    np.testing.assert_allclose(result.arrays["weight"].numpy(), expected, rtol=1e-6)


def test_a_rule_whose_trusted_client_is_quarantined_skips_the_round():
    nan = sends({"arrays": with_weight(GOOD * np.nan), "metrics": METRICS})
    rule = MoNNA(f=1, trusted=BAD)
    _, strategy, events = start(federation(nan), num_rounds=1, rule=rule)
    assert f"client {BAD} sent no update" in strategy.last_round.skipped
    assert [e["event"] for e in events] == ["quarantined", "round skipped"]


def test_root_training_that_diverges_costs_its_round_only():
    def root(round, arrays):
        if round == 1:
            raise ArithmeticError("diverged")
        return train_on_root(round, arrays)

    events: list[dict] = []
    strategy = one_round.configured(
        FLTrust(), 3, record(w=[0]), events, train_on_root=root
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=[1])] * 3))
    assert arrays is None
    assert [(e["event"], e["reason"]) for e in events] == [
        ("round skipped", "diverged")
    ]
    list(strategy.configure_train(2, record(w=[0]), ConfigRecord(), None))
    arrays, _ = strategy.aggregate_train(2, replies_of([record(w=[1])] * 3, round=2))
    assert arrays["w"].numpy() == pytest.approx(1)


def test_a_server_step_that_is_not_finite_is_skipped():
    optimizer = SGD(learning_rate=3e38)
    with np.errstate(over="ignore"):
        report = one_value_round(Mean(), [2, 2], server_optimizer=optimizer)
    assert report.skipped == "the server step would not be finite"


def test_a_round_that_was_not_configured_is_refused():
    strategy = one_round.configured(Mean(), 2, record(w=0))
    with pytest.raises(RuntimeError, match="round 2 was not configured"):
        strategy.aggregate_train(2, [])


@pytest.mark.parametrize(
    ("rule", "chain", "expected"),
    [
        # 1 : 1 : 1 : 1 : 16 of 10 20 30 40 50.
        (Mean(weighted=True), (), 900 / 20),
        # The four shortest: 10 20 30 40.
        (CGE(f=1), (), 25),
        # Of one or two a single client could own the median: it is of all.
        (Krum(f=1), (), 30),
        (MultiKrum(f=1, m=2), (), 30),
        # Whose kept rows may be anybody's, as it tells no f.
        (FLAME(), (), 30),
        (GeometricMedian(), (), 30),
        (CGE(f=1), (Clipping(c=9.0),), 25),
        # Neither weights nor selection, or rows that are no clients: the median.
        (Median(), (), 30),
        (CGE(f=1), (NNM(f=1),), 30),
    ],
    ids=repr,
)
def test_statistics_follow_weights_or_selection_else_their_median(
    rule, chain, expected
):
    replies = replies_of(
        [record(w=w, bn=10 * i) for i, w in enumerate([0, 1, 2, 4, 50], start=1)],
        [1, 1, 1, 1, 16],
    )
    strategy = one_round.configured(
        rule, 5, record(w=0, bn=7), statistics=["bn"], preaggregators=chain
    )
    arrays, _ = strategy.aggregate_train(1, replies)
    assert arrays["bn"].numpy() == pytest.approx(expected)


def test_sfat_reads_the_losses_that_clients_report():
    models = [record(w=w) for w in (1, 2, 6)]
    replies = [
        reply(model, MetricRecord(metrics), node=one_round.NODE + i, round=2)
        for i, (model, metrics) in enumerate(
            zip(
                models,
                [
                    {"num-examples": 1, "train_loss": 3.0},
                    {"num-examples": 1},  # a client that keeps it to itself ranks last
                    {"num-examples": 1, "train_loss": 0.5},
                ],
                strict=True,
            )
        )
    ]
    strategy = one_round.configured(SFAT(alpha=1 / 3), 3, record(w=0))
    list(strategy.configure_train(2, record(w=0), ConfigRecord(), None))
    arrays, _ = strategy.aggregate_train(2, replies)
    assert arrays["w"].numpy() == pytest.approx((1 + 2 + 2 * 6) / 4)
    preview = strategy.preview(
        np.array([[1], [2], [6]], np.float32), range(3), [1] * 3, [3, np.inf, 0.5]
    )
    assert preview == pytest.approx(15 / 4)


def test_who_leaves_an_optional_statistic_untouched_has_no_vote_on_it():
    replies = replies_of([record(w=1, bn=bn) for bn in (7, 7, 7, 10, 20)])
    for rule, expected in ((Mean(), 15.0), (Median(), 15.0), (CGE(f=1), 7.0)):
        strategy = one_round.configured(
            rule, 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"]
        )
        arrays, _ = strategy.aggregate_train(1, replies)
        assert arrays["bn"].numpy() == pytest.approx(expected)
    strategy = one_round.configured(
        Mean(), 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"]
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=1, bn=7)] * 5))
    assert arrays["bn"].numpy() == 7


@pytest.mark.parametrize(
    ("rule", "f"), [(TrimmedMean(f=1), 0), (Krum(f=1), 0), (Median(), 1), (Mean(), 1)]
)
def test_few_votes_on_an_optional_statistic_leave_it(rule, f):
    """With f = 1 two votes leave it; three have the median of an honest majority.

    The mean withstands nobody.
    """
    is_mean = isinstance(rule, Mean)

    def next_bn(*sent: float) -> float:
        replies = replies_of([record(w=1, bn=bn) for bn in sent])
        strategy = one_round.configured(
            rule, 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"],
            f=f,
        )  # fmt: skip
        arrays, _ = strategy.aggregate_train(1, replies)
        return arrays["bn"].numpy().item()

    assert next_bn(7, 7, 7, 7, 1e30) == 7
    assert next_bn(7, 7, 7, 8, 1e30) == 7
    assert next_bn(7, 7, 8, 9, 1e30) == pytest.approx(1e30 / 3 if is_mean else 9)


def test_no_reply_is_left_when_the_rule_sees_the_updates():
    alive = []

    class Watching(Mean):
        def aggregate(self, updates, state, context):
            alive.append([r() is not None for r in references])
            return super().aggregate(updates, state, context)

    class Remembering(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):
            replies = super().send_and_receive(messages, timeout=timeout)
            references[:] = [weakref.ref(reply) for reply in replies]
            return replies

    references = []
    strategy = RobustStrategy(rule=Watching(), min_available_nodes=NUM_CLIENTS)
    with Remembering(federation(), NUM_CLIENTS, workers=2) as grid:
        strategy.start(HandOver(grid), global_arrays(), num_rounds=2)
    assert alive == [[False] * NUM_CLIENTS] * 2
