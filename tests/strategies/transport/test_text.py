"""What nodes write reaches logs, events and reports bounded and on one line."""

import logging

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Error, Message, MessageType, MetricRecord
from hypothesis import given
from hypothesis import strategies as st

from strategies.rules import Mean
from strategies.transport.text import LONGEST_REASON, plain
from tests.messages import reply, train_message
from tests.strategies import one_round
from tests.strategies.one_round import NODE, record, replies_of

EVIL = "\x1b[2J\x07lost\r\n12:00 INFO: all is well \u202e\x00\x9b" * 20
METRICS = MetricRecord({"num-examples": 10})


def error(reason):
    return Message(Error(7, reason), reply_to=train_message(NODE))


def one_array(name="w", **changes):
    array = Array(np.ones(1, np.float32))
    for key, value in changes.items():
        setattr(array, key, value)
    return ArrayRecord({name: array})


HOSTILE = {
    "error": lambda: error(EVIL),
    "long error": lambda: error("e" * 10**7),
    "group": lambda: reply(record(w=1), METRICS, node=NODE, round=EVIL),
    "long group": lambda: reply(record(w=1), METRICS, node=NODE, round="9" * 10**7),
    "array name": lambda: reply(one_array(EVIL), METRICS, node=NODE),
    "dtype": lambda: reply(one_array(dtype=EVIL), METRICS, node=NODE),
    "stype": lambda: reply(one_array(stype=EVIL), METRICS, node=NODE),
    "header": lambda: reply(
        one_array(data=b"\x93NUMPY\x01\x00\x40\x00" + EVIL.encode()[:64]),
        METRICS,
        node=NODE,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_every_reason_is_short_and_printable(name, caplog):
    events = []
    strategy = one_round.configured(Mean(), 2, record(w=0), events)
    honest = replies_of([record(w=1)] * 2)[1]
    with caplog.at_level(logging.WARNING, "flwr"):
        logging.getLogger("flwr").addHandler(caplog.handler)
        try:
            arrays, _ = strategy.aggregate_train(1, [HOSTILE[name](), honest])
        finally:
            logging.getLogger("flwr").removeHandler(caplog.handler)
    assert arrays["w"].numpy() == 1
    report = strategy.last_round
    told = [event["reason"] for event in events]
    assert told
    assert caplog.messages
    told += [*report.quarantined.values(), *report.failed.values(), *caplog.messages]
    for text in told:
        assert text.isprintable()
        assert len(text) <= LONGEST_REASON + 60


@given(st.text())
def test_plain_text_is_printable_bounded_and_stays(text):
    found = plain(text, 40)
    assert found.isprintable()
    assert len(found) <= 40
    assert plain(found, 40) == found
    if len(text) <= 40 and text.isprintable():
        assert found == " ".join(text.split())


def evaluated(*metrics):
    """What the strategy makes of the evaluations of clients, and its events."""
    events = []
    strategy = one_round.configured(
        Mean(), len(metrics), record(w=0), events, fraction_evaluate=1.0
    )
    replies = [
        reply(False, MetricRecord({"num-examples": 1, **m}), node=NODE + i)
        for i, m in enumerate(metrics)
    ]
    assert replies[0].metadata.message_type != MessageType.QUERY
    return strategy.aggregate_evaluate(1, replies), events, strategy


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_evaluation_that_is_not_finite_is_not_counted(value):
    found, events, _ = evaluated(
        {"accuracy": 0.5}, {"accuracy": 1.0}, {"accuracy": value}
    )
    assert dict(found) == {"clients": 2, "accuracy": 0.75}
    assert [(e["event"], e["client"]) for e in events] == [
        ("evaluation quarantined", 2)
    ]
    assert f"metric accuracy={value}: must be finite" in events[0]["reason"]


def test_a_figure_of_a_client_never_takes_the_name_of_ours():
    found, _, strategy = evaluated(
        {"clients": 99.0, "a": 0.5}, {"clients": 1.0, "a": 1.0}
    )
    assert dict(found) == {"clients": 2, "a": 0.75}
    assert strategy.last_round.evaluation["clients"] == 2
    names = {"num-examples": 10, "accepted": 99.0}
    replies = [reply(record(w=1), MetricRecord(names), node=NODE + i) for i in range(2)]
    _, metrics = one_round.configured(Mean(), 2, record(w=0)).aggregate_train(
        1, replies
    )
    assert dict(metrics) == {"accepted": 2}


@pytest.mark.parametrize("name", [EVIL, "x" * 10**6, "two\nlines", "\u202eycarucca"])
def test_a_metric_whose_name_cannot_be_shown_is_left_out(name):
    found, events, _ = evaluated(*[{name: 0.5, "a": 1.0}] * 2)
    assert dict(found) == {"clients": 2, "a": 1.0}
    assert events == []
