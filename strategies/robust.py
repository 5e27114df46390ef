"""RobustStrategy: sample, screen, pre-aggregate, apply the rule, update the model.

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
        A private one, such as ``ClientDP``, also clips the updates before the
        pre-aggregators, and must be the first: what comes after cannot undo it.
    server_optimizer
        Applies the aggregate to the global arrays; plain SGD at a rate of 1 by default.
    fraction_train, fraction_evaluate
        Share of the clients that train and evaluate, in (0, 1] and [0, 1]. The number
        of clients is rounded up; Flower's strategies round down.
    sampling
        ``fixed``: a round trains ``fraction_train`` of the clients. ``poisson``: each
        client trains with probability ``fraction_train``, independently of the others,
        and ``min_train_nodes`` only says how many to wait for before the first round;
        a round that samples no client is skipped, unless a private postprocessor
        releases its noise.
    min_train_nodes, min_evaluate_nodes
        The least number of clients that train and evaluate, if there are so many.
    evaluate_on
        Returns whether clients evaluate in a round.
    evaluate_range
        Smallest and largest value of a metric that clients evaluate, such as (0, 1) for
        accuracies; a client that reports a value outside is quarantined.
    seed
        Key of the client sampling; rules receive it as ``context.seed``.
    sampling_seed
        Key of the client sampling instead of ``seed``. Sampling makes a round more
        private only for those who cannot draw the sample again, so it must be as secret
        as the noise. None means ``seed``, whose default everybody knows: where an
        epsilon counts on the sampling, pass ``secrets.randbits(128)``.
    client_ids
        Stable id of each node, such as its partition id. If it is None, a query message
        asks each node for its partition before it trains for the first time. Nodes that
        name none are numbered in the order of their node ids, which Flower draws anew
        for every run.
    num_clients
        Number of clients that there should be. Those that ``client_ids`` lacks are
        missing, and missing clients count towards the f of a rule. None means as many
        as are connected.
    min_available_nodes
        Number of nodes to wait for before the first round if ``client_ids`` is not
        given; later rounds go on with the nodes that are still connected.
    weighted_by_key
        Name of the metric that is a client's weight: an integer if it is
        ``num-examples``, otherwise any number from 1.2e-38. Evaluations are averaged by
        it; updates are weighted by it only under ``Mean(weighted=True)`` and
        ``SFAT(weighted=True)``.
    arrayrecord_key, configrecord_key
        Names of the records in the messages to clients.
    train_metrics_aggr_fn, evaluate_metrics_aggr_fn
        Returns a MetricRecord for the contents of well-formed replies, in the order of
        the client ids, and ``weighted_by_key``. Clients with a metric that is not
        finite are left out, and so are metrics with names that cannot be printed. By
        default the result is the median of each training metric, which no minority of
        the clients can set, with ``accepted``; and the weighted average of each metric
        of an evaluation, with ``clients``.
    statistics
        Names of arrays that are not part of the update, such as batch-norm statistics.
        Under the mean their mean is taken; under any other rule the median over the
        clients that the rule kept if there are more than 2f, else over all clients.
    optional_statistics
        Names of statistics that a client may leave unchanged; it then has no vote on
        them. With at most 2f votes they stay as they are, because f clients could be
        half of these.
    f
        Number of Byzantine clients that optional statistics withstand, if the rule
        states no larger number.
    loss_metric
        Name of the metric that is a client's training loss, for rules that need
        ``context.losses``.
    max_examples
        The most examples a client may declare before it is quarantined.
    train_on_root
        Trains on the server's own root data set, for rules that need
        ``context.root_update``: given the round and the global arrays by name, it
        returns the trained arrays.
    on_event
        Called with each quarantine, failure and skipped round; when f is lowered
        because clients are missing; and when a node is not the client that it claims to
        be, or claims none.

    Attributes
    ----------
    rule, preaggregators, postprocessors, server_optimizer
        What the strategy is made of, as it was given; their ``repr`` has all
        parameters, so that a record of the run can name them.
    client_ids
        The client id of each node that is known so far.

    Raises
    ------
    ValueError
        When a parameter has the wrong type or is out of range, if the rule needs a root
        data set and ``train_on_root`` is not given, or if a private postprocessor is
        not the first, or comes with statistics or with weights that clients declare.
    """

    @property
    def client_ids(self) -> dict[int, int]:
        """The client id of each node that is known so far."""
        return self.roster.known

    @property
    def last_round(self) -> RoundReport | None:
        """The report of the last round that was configured; None before the first."""
        return None if self._round is None else self._round.report

    @property
    def rule_state(self) -> Any:
        """The state that the rule is given in the next round."""
        return self._state.rule

    @property
    def server_state(self) -> Any:
        """The state that the server optimiser is given in the next round."""
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
                f"the state is one of {known} postprocessors, and the strategy has "
                f"{len(self.postprocessors)}: give it the same postprocessors"
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
            When the dtype of an array is neither a float nor an integer.
        """
        for name, spec in specs_of(initial_arrays).items():
            if spec.dtype.kind not in "biuf":
                raise ValueError(
                    f"array {name!r} has dtype {spec.dtype}: must be floats, which are "
                    "aggregated, or integers: convert it where it is packed"
                )
        result = super().start(guarded(grid), initial_arrays, *args, **kwargs)
        # Flower returns no arrays when every round was skipped.
        result.arrays = result.arrays or initial_arrays
        return result

    def check(self, n: int) -> None:
        """Raise ValueError if a round is undefined even when all n clients reply."""
        share, minimum = self.fraction_train, self.min_train_nodes
        if self.sampling == "poisson":
            # A round may sample them all.
            self.pipeline.check(n)
            return
        rows = sample_size(n, share, minimum)
        expected = self.roster.expected(share, rows, minimum)
        self.pipeline.check(rows, expected - rows)
