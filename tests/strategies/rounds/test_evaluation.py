"""The federated evaluation."""

import math

import pytest
from flwr.app import Message, MetricRecord, RecordDict

from strategies.rules import Mean
from tests.strategies.federation import federation, start


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
