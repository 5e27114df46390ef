"""The centralised baseline: the same data, model and training without a federation.

A round equals that of a client that holds every image, except that the optimiser keeps
its state from round to round, as no averaging comes in between.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fedrobust.assembly import Experiment
from fedrobust.errors import RunFailedError
from fedrobust.federation.state import RunState
from fedrobust.network import Arrays
from fedrobust.privacy.ledger import Ledger
from fedrobust.training.trainer import DivergedError
from strategies.state import ServerState

if TYPE_CHECKING:
    from strategies.round_report import RoundReport


def train_centralised(
    experiment: Experiment,
    after_round: "Callable[[RoundReport, Arrays, None], None]",
    before: RunState | None = None,
    ledger: Ledger | None = None,
) -> RunState:
    """Train until ``num_rounds`` rounds are over, and return the final state.

    The last round is earlier if the ledger's limit allows no further one.

    Parameters
    ----------
    experiment
        The experiment to train.
    after_round
        Called after each round with its report and the arrays.
    before
        The state to continue from; None starts from the initial weights.
    ledger
        Counts what is spent of the examples' privacy; None where nothing does.

    Raises
    ------
    RunFailedError
        When a loss or a weight is no longer finite.
    """
    from strategies.round_report import RoundReport

    before = before or RunState()
    config, split, trainer = experiment.config, experiment.split, experiment.trainer
    arrays = before.arrays or experiment.initial_arrays()
    state, last = before.optimizer, before.round
    if ledger is not None:
        ledger.restore(before.round, before.spent)
    for round in range(before.round + 1, config.num_rounds + 1):
        if ledger is not None and ledger.is_spent:
            break
        started = time.perf_counter()
        try:
            trained, state = trainer.train(
                arrays,
                split.x_train,
                split.y_train,
                config.training,
                seed=config.seed,
                round=round,
                client=0,
                state=state,
            )
        except DivergedError as error:
            raise RunFailedError(str(error)) from error
        arrays = trained.arrays
        report = RoundReport(round=round, sampled=[])
        report.train_seconds = time.perf_counter() - started
        report.metrics = {
            "train_loss": trained.loss,
            "local_steps": float(trained.steps),
        }
        last = round
        if ledger is not None:
            ledger.record(round, [0])
        if experiment.trains_privately:
            del report.metrics["train_loss"]
        after_round(report, arrays, None)
    return RunState(
        server=ServerState(round=last, arrays=arrays),
        spent={} if ledger is None else ledger.counts,
        optimizer=state,
    )
