"""RobustStrategy: sample, screen, pre-aggregate, apply the rule, step the server.

It works in any Flower ServerApp and with any client that answers a train message with
one ArrayRecord and one MetricRecord holding ``num-examples``. Its arguments, and what
both sides share, are in ``strategies.rounds.settings``; ``strategies.rounds.training``
and ``strategies.rounds.evaluation`` are the two sides of a round.
"""

import logging
from dataclasses import replace
from logging import INFO
from typing import Any

from flwr.app import ArrayRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result

from strategies.round_report import RoundReport
from strategies.rounds.evaluation import EvaluationSide
from strategies.rounds.settings import TrainOnRoot
from strategies.rounds.training import TrainingSide
from strategies.sampling import sample_size
from strategies.screening import specs_of
from strategies.state import ServerState
from strategies.transport.grids import guarded

__all__ = ["RobustStrategy", "TrainOnRoot"]

log = logging.getLogger("flwr").log


class RobustStrategy(TrainingSide, EvaluationSide):
    """Aggregate with a robust rule, and keep going whatever a client sends.

    Parameters
    ----------
    rule
        Aggregation rule, for example ``strategies.rules.Krum(f=2)``.
    preaggregators
        Applied to the updates in order, before the rule.
    postprocessors
        Applied to the aggregate in order, between the rule and the server optimiser.
    server_optimizer
        Applies the aggregate to the global arrays; plain SGD at a rate of 1 by default.
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
    client_ids
        The client id of each node that is known so far.

    Raises
    ------
    ValueError
        When a parameter is of another kind or out of range, or the rule needs a root
        data set and ``train_on_root`` is not given.
    """

    @property
    def client_ids(self) -> dict[int, int]:
        """The client id of each node that is known so far."""
        return self.roster.known

    @property
    def last_round(self) -> RoundReport | None:
        """What happened in the round before; None before the first."""
        return None if self._round is None else self._round.report

    @property
    def rule_state(self) -> Any:
        """What the rule wants back in the next round."""
        return self._state.rule

    @property
    def server_state(self) -> Any:
        """What the server optimiser wants back in the next round."""
        return self._state.server_optimizer

    def state(self) -> ServerState:
        """Return everything that the strategy carries to the next round."""
        return replace(self._state, roster=self.roster.state())

    def restore(self, state: ServerState) -> None:
        """Go on from a state, as if its rounds had been this strategy's.

        Rounds are numbered by whoever configures them: the next is ``state.round + 1``,
        and is given ``state.arrays``.

        Raises
        ------
        ValueError
            When the state is one of other postprocessors.
        """
        known = len(state.postprocessors)
        if known not in (0, len(self.postprocessors)):
            raise ValueError(
                f"the state has {known} postprocessors and the strategy "
                f"{len(self.postprocessors)}: restore it to a strategy with the same"
            )
        self._state = state
        self._round = None
        self.roster.restore(state.roster)

    def summary(self) -> None:
        """Log what the strategy is made of."""
        log(INFO, "\t├──> Rule: %r", self.rule)
        log(INFO, "\t├──> Pre-aggregators: %s", list(self.preaggregators))
        if self.postprocessors:
            log(INFO, "\t├──> Postprocessors: %s", list(self.postprocessors))
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

    def check(self, n: int) -> None:
        """Raise ValueError where a round is undefined though all of n clients reply."""
        share, minimum = self.fraction_train, self.min_train_nodes
        rows = sample_size(n, share, minimum)
        expected = self.roster.expected(share, rows, minimum)
        self.pipeline.check(rows, expected - rows)
