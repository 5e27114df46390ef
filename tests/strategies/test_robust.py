"""RobustStrategy on an in-process grid: whatever a client does, the round goes on."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from strategies import RobustStrategy
from strategies.preaggregators import NNM
from strategies.rules import Krum, Mean, Median
from strategies.server_optimizers import SGD
from tests.conformance.members import MEMBERS
from tests.hostile import GOOD, HOSTILE_ARRAYS, HOSTILE_EXAMPLES, with_weight
from tests.messages import global_arrays
from tests.strategies import one_round
from tests.strategies.federation import (
    BAD,
    METRICS,
    NUM_CLIENTS,
    among_seven,
    every_rule,
    federation,
    honest_reply,
    prepared,
    random_models,
    sends,
    start,
    train_on_root,
)
from tests.strategies.one_round import record, replies_of


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


def test_a_strategy_tells_what_it_is_made_of():
    strategy = RobustStrategy(rule=Krum(f=2), preaggregators=[NNM(f=2)])
    assert repr(strategy.rule) == repr(Krum(f=2))
    assert [repr(each) for each in strategy.preaggregators] == [repr(NNM(f=2))]
    assert list(strategy.postprocessors) == []
    assert strategy.server_optimizer == SGD()


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


def test_every_reply_an_error_is_a_skipped_round():
    app = ClientApp()

    @app.train()
    def train(message, context):
        raise ValueError("all down")

    _, strategy, events = start(app, rule=Mean(), num_rounds=3)
    assert strategy.last_round.skipped
    assert sum(e["event"] == "round skipped" for e in events) == 3


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
