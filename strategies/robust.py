"""RobustStrategy: sample, screen, pre-aggregate, apply the rule, step the server.

It works in any Flower ServerApp and with any client that answers a train message with
one ArrayRecord and one MetricRecord holding ``num-examples``.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from logging import INFO, WARNING
from typing import Any, TypeVar, get_type_hints

import numpy as np
from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result, Strategy
from numpy.typing import NDArray

from strategies.linalg.rows import Matrix, Vector
from strategies.pipeline import Pipeline, most_faulty, trusted_client
from strategies.preaggregators.base import Preaggregator
from strategies.replies import (
    Sorted,
    average_metrics,
    bytes_of,
    median_metrics,
    sort_replies,
    take_updates,
)
from strategies.round_report import Event, RoundReport
from strategies.rules.base import UNDEFINED, Rule, RuleContext
from strategies.sampling import sample_size
from strategies.screening import (
    ANY_VALUE,
    WEIGHT,
    MalformedReplyError,
    Reply,
    Specs,
    screen,
    screen_content,
    screen_metrics,
    specs_of,
)
from strategies.server_optimizers import SGD, ServerOptimizer
from strategies.statistics import Statistics
from strategies.transport.arrays import pack_all, unpack_all
from strategies.transport.grids import guarded
from strategies.transport.requests import ask
from strategies.transport.roster import Roster
from strategies.transport.text import plain
from strategies.updates import add, difference
from strategies.validation import (
    MAX_EXAMPLES,
    require,
    require_between,
    require_kind,
)

log = logging.getLogger("flwr").log

# The round and the global arrays by name -> the same arrays, trained on root data.
TrainOnRoot = Callable[[int, Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
# The contents of replies and the name of their weight -> figures of the round.
MetricsFunction = Callable[[list[RecordDict], str], MetricRecord]
T = TypeVar("T")


class RobustStrategy(Strategy):
    """Aggregate with a robust rule, and keep going whatever a client sends.

    Parameters
    ----------
    rule
        Aggregation rule, for example ``strategies.rules.Krum(f=2)``.
    preaggregators
        Applied to the updates in order, before the rule.
    server_optimizer
        Applies the aggregate to the global arrays.
    fraction_train, fraction_evaluate
        Share of the clients that train and evaluate, in (0, 1] and [0, 1]; rounded up,
        where Flower rounds down.
    min_train_nodes, min_evaluate_nodes
        How many of them train and evaluate at least, if there are so many.
    evaluate_on
        Tells whether clients evaluate in a round.
    evaluate_range
        Smallest and largest value of a metric that clients evaluate, such as (0, 1) for
        accuracies; a client that reports another is quarantined.
    seed
        Key of the client sampling, and what rules receive as ``context.seed``.
    client_ids
        Stable id of each node, such as its partition id. Without it a client is the
        partition that its node says it holds, asked by a query message before it trains
        for the first time. Nodes that say nothing are numbered as they come, by node
        id, which Flower draws anew for every run.
    num_clients
        How many clients there should be; those that ``client_ids`` lacks are missing,
        and a rule counts who is missing among its f. None means as many as there are.
    min_available_nodes
        Nodes to wait for before the first round when ``client_ids`` is not given; the
        later ones go on with whoever is still there.
    weighted_by_key
        Name of the metric that is a client's weight: examples, where it is
        ``num-examples``, else any number from 1.2e-38. No rule weights by it but
        ``Mean(weighted=True)`` and ``SFAT(weighted=True)``; evaluations are averaged by
        it.
    arrayrecord_key, configrecord_key
        Names of the records in the messages to clients.
    train_metrics_aggr_fn, evaluate_metrics_aggr_fn
        Makes a MetricRecord of the arrays and metrics of the clients whose replies are
        well formed, in the order of their ids, and ``weighted_by_key``. A client with a
        metric that is not finite is left out, and so are names that cannot be shown.
        By default that is the median of each training metric, which no minority can
        own, with ``accepted``; and the weighted average of each figure of an
        evaluation, with ``clients``.
    statistics
        Names of arrays that are no part of the update, such as batch-norm statistics:
        they are the median over the clients that the rule kept, if these are more than
        2f, else over all; under the mean their mean.
    optional_statistics
        Those of them that a client may leave untouched, who then has no vote on them.
        With at most 2f votes they stay as they are, as f could be half of these.
    f
        Byzantine clients that optional statistics withstand, where the rule tells no
        larger one.
    loss_metric
        Name of the metric that is a client's training loss, for rules that need
        ``context.losses``.
    max_examples
        The most examples a client may declare before it is quarantined.
    train_on_root
        Trains the global arrays on the server's own root data set, for rules that need
        ``context.root_update``: given the round and the arrays by name, it gives them
        as a client would.
    on_event
        Called with each quarantine, failure and skipped round, where f was lowered by
        the clients that are missing, and where a node is not the client that it says,
        or says nothing.

    Attributes
    ----------
    last_round
        What happened in the round before; None before the first.
    rule_state, server_state
        What the rule and the server optimiser want back in the next round.

    Raises
    ------
    ValueError
        When a parameter is of another kind or out of range, or the rule needs a root
        data set and ``train_on_root`` is not given.
    """

    def __init__(
        self,
        *,
        rule: Rule,
        preaggregators: Sequence[Preaggregator] = (),
        server_optimizer: ServerOptimizer | None = None,
        fraction_train: float = 1.0,
        fraction_evaluate: float = 1.0,
        min_train_nodes: int = 2,
        min_evaluate_nodes: int = 2,
        evaluate_on: Callable[[int], bool] = lambda round: True,
        evaluate_range: tuple[float, float] = ANY_VALUE,
        seed: int = 0,
        client_ids: Mapping[int, int] | None = None,
        num_clients: int | None = None,
        min_available_nodes: int = 2,
        weighted_by_key: str = WEIGHT,
        arrayrecord_key: str = "arrays",
        configrecord_key: str = "config",
        train_metrics_aggr_fn: MetricsFunction | None = None,
        evaluate_metrics_aggr_fn: MetricsFunction | None = None,
        statistics: Collection[str] = (),
        optional_statistics: Collection[str] = (),
        f: int = 0,
        loss_metric: str = "train_loss",
        max_examples: int = MAX_EXAMPLES,
        train_on_root: TrainOnRoot | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        _check(locals())
        self.pipeline = Pipeline(rule, tuple(preaggregators))
        self.server_optimizer = server_optimizer or SGD()
        self.fraction_train = fraction_train
        self.fraction_evaluate = fraction_evaluate
        self.min_train_nodes = min_train_nodes
        self.min_evaluate_nodes = min_evaluate_nodes
        self.min_available_nodes = min_available_nodes
        self.weighted_by_key = weighted_by_key
        self.arrayrecord_key = arrayrecord_key
        self.configrecord_key = configrecord_key
        self.train_metrics_aggr_fn = train_metrics_aggr_fn
        self.evaluate_metrics_aggr_fn = evaluate_metrics_aggr_fn
        self.evaluate_on = evaluate_on
        self.evaluate_range = evaluate_range
        self.seed = seed
        self.roster = Roster(
            client_ids,
            num_clients,
            min_available_nodes,
            trusted_client(rule),
            max(f, most_faulty(rule)),
            lambda *event: self._event("unidentified", *event),
        )
        self.statistics = Statistics(
            frozenset(statistics),
            frozenset(optional_statistics),
            max(f, most_faulty(rule)),
        )
        self.loss_metric = loss_metric
        self.max_examples = max_examples
        self.train_on_root = train_on_root
        self.on_event = on_event
        self.rule_state: Any = None
        self.server_state: Any = None
        self.last_round: RoundReport | None = None
        self._arrays: ArrayRecord = ArrayRecord()
        self._clients: dict[int, int] = {}
        self._root_update: Vector | None = None
        self._sent_at = 0.0

    @property
    def client_ids(self) -> dict[int, int]:
        """The client id of each node that is known so far."""
        return self.roster.known

    @property
    def rule(self) -> Rule:
        """The aggregation rule."""
        return self.pipeline.rule

    @property
    def preaggregators(self) -> tuple[Preaggregator, ...]:
        """The pre-aggregators, in their order."""
        return self.pipeline.preaggregators

    def summary(self) -> None:
        """Log what the strategy is made of."""
        log(INFO, "\t├──> Rule: %r", self.pipeline.rule)
        log(INFO, "\t├──> Pre-aggregators: %s", list(self.pipeline.preaggregators))
        log(INFO, "\t└──> Server optimiser: %r", self.server_optimizer)

    def start(
        self, grid: Grid, initial_arrays: ArrayRecord, *args: Any, **kwargs: Any
    ) -> Result:
        """Run all rounds, as Flower's strategies do, over a grid that is guarded.

        Raises
        ------
        ValueError
            When an array is of no real dtype: none else would be aggregated.
        """
        for name, spec in specs_of(initial_arrays).items():
            if spec.dtype.kind not in "biuf":
                raise ValueError(
                    f"array {name!r} has dtype {spec.dtype}: must be floats, which are "
                    "aggregated, or integers: convert it where it is packed"
                )
        result = super().start(guarded(grid), initial_arrays, *args, **kwargs)
        # Flower leaves them empty when every round was skipped.
        result.arrays = result.arrays or initial_arrays
        return result

    # --- training ---------------------------------------------------------------

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Sample clients and send each the global arrays."""
        self._clients = self.roster.sample(
            *(grid, server_round, self.fraction_train, self.seed, self.min_train_nodes)
        )
        keys = (self.arrayrecord_key, self.configrecord_key)
        kind = MessageType.TRAIN
        messages = ask(self._clients, arrays, config, server_round, kind, *keys)
        self._arrays = arrays
        self._root_update = None
        self.last_round = RoundReport(
            round=server_round,
            sampled=sorted(self._clients.values()),
            bytes_down=len(messages) * bytes_of(arrays),
        )
        self._sent_at = time.perf_counter()
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Screen the replies and make the next global arrays, or keep the old ones."""
        report = self.last_round
        if report is None or report.round != server_round:
            raise RuntimeError(f"round {server_round} was not configured")
        messages = list(replies)
        report.train_seconds = time.perf_counter() - self._sent_at
        started = time.perf_counter()
        specs = specs_of(self._arrays)
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
        arrays = self._aggregate(report, accepted, specs)
        report.aggregate_seconds = time.perf_counter() - started
        return arrays, metrics

    def _aggregate(
        self, report: RoundReport, accepted: dict[int, Reply], specs: Specs
    ) -> ArrayRecord | None:
        """Apply pre-aggregators, rule and server optimiser to screened replies.

        ``accepted`` is empty afterwards.
        """
        if not accepted:
            return self._skip(report, "no update is left")
        old = unpack_all(self._arrays)
        learned = [name for name in specs if self._is_learned(name, specs)]
        replies = list(accepted.values())
        examples = [reply.num_examples for reply in replies]
        losses = [r.metrics.get(self.loss_metric, math.inf) for r in replies]
        statistics = self.statistics.stack(list(specs), replies)
        clients = list(accepted)
        del replies
        updates = take_updates(accepted, old, learned)

        def tell(reason: str) -> None:
            self._event("f lowered", report.round, None, reason)

        try:
            context = self._context(old, learned, clients, examples, losses)
            missing = self._missing(len(updates))
            aggregate = self.pipeline(updates, self.rule_state, context, missing, tell)
        except UNDEFINED as error:
            # Undefined for what is left of the round, which the model then survives.
            return self._skip(report, str(error) or type(error).__name__)
        step, server_state = self.server_optimizer(aggregate.vector, self.server_state)
        new = add(old, step, learned)
        new |= self.statistics.combine(statistics, old, aggregate, self.pipeline)
        if not all(np.isfinite(new[name]).all() for name in new):
            return self._skip(report, "the server step would not be finite")
        self.rule_state, self.server_state = aggregate.state, server_state
        report.selected, report.excluded = self.pipeline.choice(
            aggregate, report.accepted
        )
        return pack_all({name: new[name] for name in specs})

    def _context(
        self,
        old: Mapping[str, NDArray[Any]],
        learned: Sequence[str],
        clients: Sequence[int],
        num_examples: Sequence[float],
        losses: Sequence[float],
    ) -> RuleContext:
        """Tell the rule what it may know beside the updates."""
        needed = "root_update" in self.pipeline.rule.needs
        train = self.train_on_root if needed else None
        if train is not None and self._root_update is None:
            self._root_update = difference(train(self._round, old), old, learned)
        return RuleContext(
            clients=tuple(clients),
            num_examples=np.array(num_examples),
            round=self._round,
            seed=self.seed,
            root_update=self._root_update,
            parameters=np.concatenate([old[name].reshape(-1) for name in learned]),
            layers=[old[name].size for name in learned],
            losses=np.array(losses, np.float64),
        )

    def check(self, n: int) -> None:
        """Raise ValueError where a round is undefined though all of n clients reply."""
        share, minimum = self.fraction_train, self.min_train_nodes
        rows = sample_size(n, share, minimum)
        expected = self.roster.expected(share, rows, minimum)
        self.pipeline.check(rows, expected - rows)

    def _missing(self, replies: int) -> int:
        """Count who should have replied in this round and did not."""
        sampled = len(self.last_round.sampled) if self.last_round else 0
        share, minimum = self.fraction_train, self.min_train_nodes
        return self.roster.expected(share, sampled, minimum) - replies

    def preview(
        self,
        updates: Matrix,
        clients: Sequence[int],
        num_examples: Sequence[float],
        losses: Sequence[float] | None = None,
    ) -> Vector:
        """Tell what these updates would be aggregated to in the round under way.

        It is what an attacker who knows the server computes; no state changes.

        Parameters
        ----------
        updates
            (n, d), in the order of the client ids.
        clients, num_examples, losses
            Client id, declared examples and reported loss of each row; without losses
            nobody reports any.

        Raises
        ------
        ValueError
            When the rule is undefined for them.
        """
        specs = specs_of(self._arrays)
        learned = [name for name in specs if self._is_learned(name, specs)]
        old = unpack_all(self._arrays)
        losses = [math.inf] * len(updates) if losses is None else losses
        context = self._context(old, learned, clients, num_examples, losses)
        missing = self._missing(len(updates))
        return self.pipeline(updates, self.rule_state, context, missing).vector

    @property
    def _round(self) -> int:
        return self.last_round.round if self.last_round is not None else 0

    def _is_learned(self, name: str, specs: Specs) -> bool:
        """Floats that are no statistics make up the update; integers stay as sent."""
        return name not in self.statistics.names and np.issubdtype(
            specs[name].dtype, np.floating
        )

    # --- evaluation -------------------------------------------------------------

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask a sample of the clients to evaluate the global arrays."""
        if self.fraction_evaluate == 0 or not self.evaluate_on(server_round):
            self._clients = {}
            return []
        share, minimum = self.fraction_evaluate, self.min_evaluate_nodes
        self._clients = self.roster.sample(
            *(grid, server_round, share, self.seed, minimum), may_ask=False
        )
        keys = (self.arrayrecord_key, self.configrecord_key)
        kind = MessageType.EVALUATE
        return ask(self._clients, arrays, config, server_round, kind, *keys)

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """Average the clients' metrics, by their weights as in FedAvg."""
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
        if self.last_round is not None:
            self.last_round.evaluation = averages
            self.last_round.client_evaluation = {
                client: metrics for client, (_, metrics) in results.items()
            }
        function = self.evaluate_metrics_aggr_fn
        if function is not None:
            bounds = self.evaluate_range
            return self._combined(function, contents, results, "evaluation", bounds)
        return MetricRecord(dict(averages))

    # --- what both share --------------------------------------------------------

    def _sort(
        self,
        round: int,
        replies: Iterable[Message],
        read: Callable[[Message], T],
        during: str = "",
    ) -> Sorted[T]:
        """Sort replies by client id, and out, and tell who was sorted out."""
        found = sort_replies(replies, self._clients, str(round), read)
        for reason in found.unexpected:
            self._event(f"{during}unexpected", round, None, reason)
        for client, reason in found.quarantined.items():
            self._event(f"{during}quarantined", round, client, reason)
        for client, reason in found.failed.items():
            self._event(f"{during}failed", round, client, reason)
        return found

    def _combined(
        self,
        function: MetricsFunction,
        contents: Mapping[int, RecordDict],
        clients: Collection[int],
        during: str,
        bounds: tuple[float, float] = ANY_VALUE,
    ) -> MetricRecord | None:
        """Let the user's function combine the metrics of clients, in their order.

        Clients may send it what it cannot combine: that costs the round its metrics.
        """
        nodes = {client: node for node, client in self._clients.items()}
        replies = []
        for client in clients:
            content, key = contents[nodes[client]], self.weighted_by_key
            try:
                replies.append(screen_content(content, bounds, key))
            except MalformedReplyError as error:
                self._event(f"no {during} metrics", self._round, client, str(error))
        if not replies:
            return None
        try:
            return function(replies, self.weighted_by_key)
        except Exception as error:
            reason = f"the metrics cannot be combined: {type(error).__name__}: {error}"
            self._event(f"no {during} metrics", self._round, None, reason)
            return None

    def _skip(self, report: RoundReport, reason: str) -> ArrayRecord | None:
        """Keep the global arrays, which Flower does when it is given none."""
        report.skipped = plain(reason)
        self._event("round skipped", report.round, None, reason)
        return None

    def _event(self, kind: str, round: int, client: int | None, reason: str) -> None:
        reason = plain(reason)
        log(WARNING, "round %d: client %s %s: %s", round, client, kind, reason)
        if self.on_event is not None:
            self.on_event(
                {"event": kind, "round": round, "client": client, "reason": reason}
            )


def _check(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments of RobustStrategy of another kind, or out of range."""
    for name, kind in get_type_hints(RobustStrategy.__init__).items():
        if name in arguments:
            require_kind(name, arguments[name], kind, name != "evaluate_range")
    _check_clients(arguments["client_ids"], arguments["num_clients"])
    for name, other in (
        ("configrecord_key", "arrayrecord_key"),
        ("loss_metric", "weighted_by_key"),
    ):
        value = arguments[name]
        require(value != arguments[other], name, value, f"another name than {other}")
    optional, statistics = arguments["optional_statistics"], arguments["statistics"]
    is_part = set(optional) <= set(statistics)
    require(is_part, "optional_statistics", optional, f"among statistics={statistics}")
    for name in ("fraction_train", "fraction_evaluate"):
        require_between(name, arguments[name], 0, 1)
    share = arguments["fraction_train"]
    require(share > 0, "fraction_train", share, "in (0, 1]")
    for name in ("min_train_nodes", "min_evaluate_nodes", "min_available_nodes"):
        require_between(name, arguments[name], 0)
    for name, low in (("seed", 0), ("f", 0), ("max_examples", 1)):
        require_between(name, arguments[name], low)
    low, high = arguments["evaluate_range"]
    require(low < high, "evaluate_range", (low, high), "(low, high), low < high")
    rule = arguments["rule"]
    if "root_update" in rule.needs and arguments["train_on_root"] is None:
        raise ValueError(f"{rule!r} needs train_on_root, its root data set")


def _check_clients(ids: Mapping[int, int] | None, num_clients: int | None) -> None:
    """Refuse client ids of which two are equal, and no clients at all."""
    if num_clients is not None:
        require_between("num_clients", num_clients, 1)
    if ids is not None:
        different = len(set(ids.values())) == len(ids) > 0
        bound = "a client id of its own for each node, at least 0, of one or more nodes"
        require(different and min(ids.values()) >= 0, "client_ids", ids, bound)
