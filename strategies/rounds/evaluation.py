"""The evaluation side of RobustStrategy: clients score the global arrays."""

from collections.abc import Iterable

from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp import Grid

from strategies.round_report import RoundReport
from strategies.rounds.metrics import average_metrics
from strategies.rounds.round import Round
from strategies.rounds.settings import Settings
from strategies.screening import screen_metrics
from strategies.transport.requests import request


class EvaluationSide(Settings):
    """Ask clients to evaluate, and average what they report."""

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask a sample of the clients to evaluate the global arrays."""
        if self._round is None:  # nobody trained before
            self._round = Round(RoundReport(server_round, []), {}, arrays)
        round = self._round
        if self.fraction_evaluate == 0 or not self.evaluate_on(server_round):
            round.clients = {}
            return []
        share, minimum = self.fraction_evaluate, self.min_evaluate_nodes
        round.clients = self.roster.sample(
            *(grid, server_round, share, self.seed, minimum), may_ask=False
        )
        keys = (self.arrayrecord_key, self.configrecord_key)
        kind = MessageType.EVALUATE
        return request(round.clients, arrays, config, server_round, kind, *keys)

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """Average the clients' metrics, by their weights as in FedAvg."""
        report = self._under_way().report
        contents: dict[int, RecordDict] = {}

        def read(message: Message) -> tuple[float, dict[str, float]]:
            found = screen_metrics(
                message, self.max_examples, self.evaluate_range, self.weighted_by_key
            )
            if self.evaluate_metrics_aggr_fn is not None:
                contents[message.metadata.src_node_id] = message.content
            return found

        results = self._sort(server_round, replies, read, "evaluation ").accepted
        if not results:
            return None
        averages = average_metrics(list(results.values()))
        report.evaluation = averages
        report.client_evaluation = {
            client: metrics for client, (_, metrics) in results.items()
        }
        function = self.evaluate_metrics_aggr_fn
        if function is not None:
            bounds = self.evaluate_range
            return self._combined(function, contents, results, "evaluation", bounds)
        return MetricRecord(dict(averages))
