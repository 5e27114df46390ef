"""The training side of RobustStrategy: from the messages to the next global arrays."""

import time
from collections.abc import Iterable
from dataclasses import replace

from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp import Grid

from strategies.replies import bytes_of
from strategies.round_report import RoundReport
from strategies.rounds.aggregation import Aggregation
from strategies.rounds.metrics import median_metrics
from strategies.rounds.round import Round
from strategies.screening import Reply, screen
from strategies.transport.arrays import unpack_all
from strategies.transport.requests import request


class TrainingSide(Aggregation):
    """Sample clients, screen their updates, and make the next global arrays."""

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Sample clients and send each the global arrays."""
        clients = self.roster.sample(
            *(grid, server_round, self.fraction_train, self.seed, self.min_train_nodes),
            sampling=self.sampling,
        )
        keys = (self.arrayrecord_key, self.configrecord_key)
        kind = MessageType.TRAIN
        messages = request(clients, arrays, config, server_round, kind, *keys)
        report = RoundReport(
            round=server_round,
            sampled=sorted(clients.values()),
            bytes_down=len(messages) * bytes_of(arrays),
        )
        self._round = Round(report, clients, arrays)
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Screen the replies and make the next global arrays, or keep the old ones."""
        round = self._under_way(server_round)
        report, messages = round.report, list(replies)
        report.train_seconds = time.perf_counter() - round.sent_at
        started = time.perf_counter()
        specs = round.specs
        contents: dict[int, RecordDict] = {}

        def read(message: Message) -> Reply:
            reply = screen(message, specs, self.max_examples, self.weighted_by_key)
            if self.train_metrics_aggr_fn is not None:
                contents[message.metadata.src_node_id] = message.content
            records = message.content.array_records.values()
            report.bytes_up += sum(map(bytes_of, records))
            return reply

        found = self._sort(server_round, messages, read)
        del messages
        accepted = found.accepted
        report.quarantined, report.failed = found.quarantined, found.failed
        report.accepted = list(accepted)
        report.metrics = median_metrics(list(accepted.values()))
        count = len(report.accepted)
        metrics: MetricRecord | None
        metrics = MetricRecord({**report.metrics, "accepted": count})
        if self.train_metrics_aggr_fn is not None:
            function = self.train_metrics_aggr_fn
            metrics = self._combined(function, contents, report.accepted, "training")
            contents.clear()
        arrays = self._aggregate(round, accepted)
        now = round.old if arrays is None else unpack_all(arrays)
        self._state = replace(self._state, round=server_round, arrays=now)
        report.aggregate_seconds = time.perf_counter() - started
        return arrays, metrics
