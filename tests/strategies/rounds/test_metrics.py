"""Metrics of clients, combined."""

from flwr.app import Message, MetricRecord, RecordDict

from strategies.rules import Mean
from tests.strategies.federation import federation, start


def test_a_metric_that_one_client_makes_up_is_not_reported():
    def bad(message):
        metrics = MetricRecord({"num-examples": 10, "round": 99.0, "train_loss": 1e300})
        arrays = message.content.array_records["arrays"]
        content = RecordDict({"arrays": arrays, "metrics": metrics})
        return Message(content, reply_to=message)

    _, strategy, _ = start(federation(bad), rule=Mean())
    assert set(strategy.last_round.metrics) == {"train_loss"}
    assert strategy.last_round.metrics["train_loss"] <= 6
