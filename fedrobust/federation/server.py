"""The server: it builds the strategy over the clients it knows, and runs the rounds."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from flwr.app import ArrayRecord
from flwr.serverapp import Grid
from numpy.typing import NDArray

from fedrobust.assembly import Experiment
from fedrobust.byzantine import Collusion
from fedrobust.config import trusted_of
from fedrobust.errors import RunFailedError
from fedrobust.federation.adversary import Adversary
from fedrobust.federation.cohort import Cohort
from fedrobust.federation.grids import grid_for
from fedrobust.federation.identity import QUERY_TIMEOUT, identify_clients
from fedrobust.network import Arrays
from fedrobust.privacy import GroupSecAgg, SecAgg
from fedrobust.privacy.ledger import Ledger
from fedrobust.training import scaffold
from strategies.robust import RobustStrategy, TrainOnRoot
from strategies.round_report import Event, RoundReport
from strategies.transport.arrays import pack_all, unpack_all
from strategies.transport.grids import guarded

if TYPE_CHECKING:
    from strategies.secagg import GroupGrid

# Called with the report, the global arrays, and what colluding clients chose or None.
AfterRound = Callable[[RoundReport, Arrays, Mapping[str, int | float] | None], None]
# Seconds to wait for the replies of a round without it; this is Flower's own default.
ROUND_TIMEOUT = 3600.0


def serve(
    grid: Grid,
    experiment: Experiment,
    after_round: AfterRound,
    on_event: Callable[[Event], None],
    cohort: Cohort | None = None,
    ledger: Ledger | None = None,
) -> None:
    """Run all rounds of an experiment over a grid.

    The last round is earlier if the ledger's limit allows no further one.

    Parameters
    ----------
    grid
        Any Flower grid.
    experiment
        The experiment to run.
    after_round
        Called after each round with its report, the global arrays, and what colluding
        clients chose (None if no clients collude).
    on_event
        Called with each quarantine, failure and skipped round.
    cohort
        The cohort from which the ClientApp takes its results; None if each client
        trains alone.
    ledger
        Counts what is spent of the clients' privacy; None where nothing does.
    """
    grid = guarded(grid)
    config, network = experiment.config, experiment.network
    start = experiment.initial_arrays()
    # Control variates travel beside the weights, as batch statistics do.
    variates: Arrays = {}
    if config.training.scaffold:
        zeros = {name: np.zeros_like(start[name]) for name in network.trainable}
        variates = scaffold.pack(zeros)
    _, trusted = trusted_of(config.strategy.rule)
    timeout = config.runtime.get("timeout")
    client_ids = identify_clients(
        grid, config.num_clients, on_event, trusted, timeout or QUERY_TIMEOUT
    )
    if ledger is not None:
        ledger.tariff = experiment.tariff(client_ids.values())
        _require_affordable(ledger, len(client_ids), config.num_clients)
    strategy = _strategy_for(
        experiment, client_ids, [*network.statistics, *variates], on_event
    )
    try:
        strategy.check(len(client_ids))
    except ValueError as error:
        raise RunFailedError(
            f"{len(client_ids)} of {config.num_clients} clients identified themselves, "
            f"so every round would be skipped: {error}"
        ) from error
    colluding = _adversary_for(experiment, client_ids, strategy, on_event)
    secure = _sums_for(experiment, client_ids, on_event)
    stack, adversary, sums = grid_for(grid, client_ids, cohort, colluding, secure)

    def evaluate(round: int, arrays: ArrayRecord) -> None:
        report = strategy.last_round
        if round > 0 and report is not None:
            # Of a round that sampled nobody the adversary does not hear.
            seen = None if adversary is None else adversary.chosen
            chosen = {} if seen and not report.sampled else seen
            if sums is not None and sums.is_masked:
                report.bytes_down, report.bytes_up = sums.bytes_down, sums.bytes_up
            is_last = _is_last(ledger, report)
            after_round(report, unpack_all(arrays), chosen)
            if is_last:
                raise _BudgetSpentError

    # Flower has no other way to end before the last round.
    with suppress(_BudgetSpentError):
        strategy.start(
            stack,
            pack_all({**start, **variates}),
            num_rounds=config.num_rounds,
            timeout=timeout or ROUND_TIMEOUT,
            evaluate_fn=evaluate,
        )


def _require_affordable(ledger: Ledger, present: int, num_clients: int) -> None:
    """Raise RunFailedError if one more round of those that came exceeds the limit."""
    if ledger.is_spent:
        raise RunFailedError(
            f"the first round could spend {ledger.epsilon_after_next():.4g} with the "
            f"{present} of {num_clients} clients that came, above privacy.max_epsilon="
            f"{ledger.max_epsilon:g}: start the nodes of the others, or raise the "
            "limit or the noise"
        )


class _BudgetSpentError(Exception):
    """One more round could spend more than the limit."""


def _is_last(ledger: Ledger | None, report: RoundReport) -> bool:
    """Charge a round, and return whether the limit allows no further one."""
    if ledger is None:
        return False
    ledger.record(report.round, report.sampled)
    return ledger.is_spent


def _strategy_for(
    experiment: Experiment,
    client_ids: Mapping[int, int],
    statistics: Sequence[str],
    on_event: Callable[[Event], None],
) -> RobustStrategy:
    """Return the strategy of an experiment, over the nodes whose client ids are given.

    Parameters
    ----------
    experiment
        What is run.
    client_ids
        Client id of each node.
    statistics
        Names of the arrays that travel beside the update.
    on_event
        Called with each event.
    """
    config = experiment.config
    return RobustStrategy(
        rule=experiment.rule,
        preaggregators=experiment.preaggregators,
        postprocessors=experiment.postprocessors,
        server_optimizer=experiment.server_optimizer,
        fraction_train=config.participation,
        sampling=experiment.sampling,
        sampling_seed=experiment.sampling_seed,
        fraction_evaluate=float(config.holdout > 0),
        min_train_nodes=1,
        min_evaluate_nodes=1,
        evaluate_on=config.is_evaluated,
        evaluate_range=(0.0, 1.0),
        seed=config.seed,
        client_ids=client_ids,
        num_clients=config.num_clients,
        statistics=statistics,
        optional_statistics=experiment.network.optional_statistics,
        f=config.strategy.f,
        max_examples=config.screening.max_examples,
        train_on_root=_train_on_root(experiment),
        on_event=on_event,
    )


def _adversary_for(
    experiment: Experiment,
    client_ids: Mapping[int, int],
    strategy: RobustStrategy,
    on_event: Callable[[Event], None],
) -> Callable[[Grid], Adversary] | None:
    """Return what wraps a grid in the adversary; None if no clients collude."""
    attack, config = experiment.byzantine_attack, experiment.config
    if not isinstance(attack, Collusion):
        return None
    return partial(
        Adversary,
        attack=attack,
        clients=experiment.byzantine_clients,
        client_ids=client_ids,
        learned=experiment.network.trainable,
        seed=config.seed,
        preview=strategy.preview,
        max_examples=config.screening.max_examples,
        on_event=on_event,
    )


def _sums_for(
    experiment: Experiment,
    client_ids: Mapping[int, int],
    on_event: Callable[[Event], None],
) -> "Callable[[Grid], GroupGrid] | None":
    """Return what wraps a grid in secure sums; None without secure aggregation."""
    mechanism, config = experiment.mechanism, experiment.config
    if not isinstance(mechanism, SecAgg):
        return None
    from strategies.secagg import IdealGrid, SecAggGrid

    size = mechanism.group_size if isinstance(mechanism, GroupSecAgg) else None
    return partial(
        SecAggGrid if mechanism.is_masked else IdealGrid,
        clip=mechanism.clip,
        group_size=size,
        threshold=mechanism.threshold,
        neighbors=mechanism.neighbors,
        seed=config.seed,
        client_ids=client_ids,
        on_event=on_event,
    )


def _train_on_root(experiment: Experiment) -> TrainOnRoot | None:
    """Return the server's own training, if it holds a root data set."""
    config = experiment.config
    if config.strategy.root_examples == 0:
        return None

    def train(round: int, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
        x, y = experiment.root_data()
        trained, _ = experiment.trainer.train(
            dict(arrays),
            x,
            y,
            config.training,
            seed=config.seed,
            round=round,
            client=config.num_clients,  # no client draws with this key
        )
        return trained.arrays

    return train
