"""The arguments of RobustStrategy, and the parts that training and evaluation share."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from functools import partial
from logging import WARNING
from typing import Any, TypeVar

from flwr.app import Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import Strategy
from numpy.typing import NDArray

from strategies.pipeline import Pipeline, most_faulty, trusted_client
from strategies.postprocessors.base import Postprocessor
from strategies.preaggregators.base import Preaggregator
from strategies.replies import Sorted, sort_replies
from strategies.round_report import Event
from strategies.rounds.arguments import check_arguments
from strategies.rounds.metrics import MetricsFunction, combine_metrics
from strategies.rounds.round import Round
from strategies.rules.base import Rule
from strategies.sampling import Sampling
from strategies.screening import ANY_VALUE, WEIGHT
from strategies.server_optimizers import SGD, ServerOptimizer
from strategies.state import ServerState
from strategies.statistics import Statistics
from strategies.transport.roster import Roster
from strategies.transport.text import plain
from strategies.validation import ANY_FLOAT, MAX_EXAMPLES, check_fields, require_kind

log = logging.getLogger("flwr").log

# The round and the global arrays by name -> the same arrays, trained on root data.
TrainOnRoot = Callable[[int, Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
T = TypeVar("T")


@dataclass(kw_only=True, eq=False, repr=False)
class Settings(Strategy):
    """The arguments of :class:`strategies.RobustStrategy`, which documents them.

    Attributes
    ----------
    roster
        The clients of the federation.
    """

    rule: Rule
    preaggregators: Sequence[Preaggregator] = ()
    postprocessors: Sequence[Postprocessor] = ()
    server_optimizer: ServerOptimizer | None = None
    fraction_train: float = 1.0
    sampling: Sampling = "fixed"
    fraction_evaluate: float = 1.0
    min_train_nodes: int = 2
    min_evaluate_nodes: int = 2
    evaluate_on: Callable[[int], bool] = lambda round: True
    evaluate_range: tuple[float, float] = field(default=ANY_VALUE, metadata=ANY_FLOAT)
    seed: int = 0
    client_ids: InitVar[Mapping[int, int] | None] = None
    num_clients: int | None = None
    min_available_nodes: int = 2
    weighted_by_key: str = WEIGHT
    arrayrecord_key: str = "arrays"
    configrecord_key: str = "config"
    train_metrics_aggr_fn: MetricsFunction | None = None
    evaluate_metrics_aggr_fn: MetricsFunction | None = None
    statistics: Collection[str] = ()
    optional_statistics: Collection[str] = ()
    f: int = 0
    loss_metric: str = "train_loss"
    max_examples: int = MAX_EXAMPLES
    train_on_root: TrainOnRoot | None = None
    on_event: Callable[[Event], None] | None = None

    def __post_init__(self, client_ids: Mapping[int, int] | None) -> None:
        check_fields(self)
        require_kind("client_ids", client_ids, Mapping[int, int] | None)
        check_arguments({**vars(self), "client_ids": client_ids})
        self.preaggregators = tuple(self.preaggregators)
        self.postprocessors = tuple(self.postprocessors)
        self.server_optimizer = self.server_optimizer or SGD()
        self.roster = Roster(
            client_ids,
            self.num_clients,
            self.min_available_nodes,
            trusted_client(self.rule),
            self._tolerated,
            partial(self._event, "unidentified"),
        )
        self._state = ServerState()
        self._round: Round | None = None

    @property
    def pipeline(self) -> Pipeline:
        """Pre-aggregators and rule as one function."""
        return Pipeline(self.rule, tuple(self.preaggregators))

    @property
    def _statistics(self) -> Statistics:
        """The arrays that travel beside the update."""
        names = frozenset(self.statistics), frozenset(self.optional_statistics)
        return Statistics(*names, self._tolerated)

    @property
    def _tolerated(self) -> int:
        """The number of Byzantine clients that statistics and roster withstand."""
        return max(self.f, most_faulty(self.rule))

    def _under_way(self, server_round: int | None = None) -> Round:
        """Return the round that was configured.

        Raises
        ------
        RuntimeError
            When there is none, or it is another one than asked for.
        """
        round = self._round
        if round is None or server_round not in (None, round.number):
            asked = "a round" if server_round is None else f"round {server_round}"
            raise RuntimeError(f"{asked} was not configured")
        return round

    def _sort(
        self,
        server_round: int,
        replies: Iterable[Message],
        read: Callable[[Message], T],
        during: str = "",
    ) -> Sorted[T]:
        """Sort replies by client id, and report those that do not count."""
        clients = self._under_way().clients
        found = sort_replies(replies, clients, str(server_round), read)
        for reason in found.unexpected:
            self._event(f"{during}unexpected", server_round, None, reason)
        for client, reason in found.quarantined.items():
            self._event(f"{during}quarantined", server_round, client, reason)
        for client, reason in found.failed.items():
            self._event(f"{during}failed", server_round, client, reason)
        return found

    def _combined(
        self,
        function: MetricsFunction,
        contents: Mapping[int, RecordDict],
        clients: Collection[int],
        during: str,
        bounds: tuple[float, float] = ANY_VALUE,
    ) -> MetricRecord | None:
        """Combine the metrics of clients, in their order; contents are by node."""
        round = self._under_way()
        nodes = {client: node for node, client in round.clients.items()}
        sent = ((client, contents[nodes[client]]) for client in clients)
        tell = partial(self._event, f"no {during} metrics", round.number)
        return combine_metrics(function, sent, bounds, self.weighted_by_key, tell)

    def _event(self, kind: str, round: int, client: int | None, reason: str) -> None:
        """Log an event, and hand it to ``on_event``."""
        reason = plain(reason)
        log(WARNING, "round %d: client %s %s: %s", round, client, kind, reason)
        if self.on_event is not None:
            self.on_event(
                {"event": kind, "round": round, "client": client, "reason": reason}
            )
