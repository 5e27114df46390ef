"""One run from top to bottom.

    data, model  ->  rounds over a grid (or without a federation)  ->  a trained model
    trained model  ->  clean and robust accuracy, with checks  ->  result.json

A finished run returns its result at once; other epsilons evaluate its stored model.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from fedrobust.assembly import Experiment
from fedrobust.config import Config
from fedrobust.errors import exits_refused
from fedrobust.federation.centralised import train_centralised
from fedrobust.federation.federate import carrier, federate
from fedrobust.files import Json
from fedrobust.record.environment import environment
from fedrobust.record.folder import RunFolder
from fedrobust.record.preparation import OnWarning, prepare
from fedrobust.record.recorder import OnRow, RoundRecorder
from fedrobust.record.result import Result
from fedrobust.record.reuse import finished_result, read_record, trained_network
from fedrobust.record.round_row import RoundRow
from fedrobust.record.summary import result_of, training_seconds
from fedrobust.record.tracked import RunTracker
from fedrobust.record.warning_log import Warnings


@dataclass(frozen=True)
class Session:
    """One call of ``run``: experiment, folder, grid, its description, callbacks."""

    experiment: Experiment
    folder: RunFolder
    grid: Any
    carrier: Json
    on_row: OnRow
    on_warning: OnWarning
    tracker: RunTracker


def run(
    config: Config,
    folder: Path,
    on_row: OnRow = lambda row: None,
    on_warning: OnWarning = lambda text: None,
    grid: Any = None,
    sweep: Path | None = None,
) -> Result:
    """Run an experiment, or return its stored result.

    Parameters
    ----------
    config, folder
        A checked configuration, and the run directory.
    on_row, on_warning
        Called after each round, and with each warning before the first round.
    grid
        The Flower grid to run over, as under ``flwr run``; None starts the runtime.
    sweep
        The folder of the sweep that the run belongs to, by which sinks group runs.

    Raises
    ------
    ConfigError
        When the folder belongs to another run, or a part cannot be built.
    """
    experiment, store = Experiment(config), RunFolder(folder, config)
    messenger = carrier(config, grid)
    tracker = RunTracker(experiment.tracking, store, sweep)
    session = Session(experiment, store, grid, messenger, on_row, on_warning, tracker)
    store.check()
    with store.noting_failures(), exits_refused(), tracker.following():
        # A finished run may be in a read-only folder, so it is not locked.
        result = finished_result(experiment, store)
        if result is None or not store.is_settled(result) or tracker.is_due():
            # Jobs of a sweep that differ only in the evaluation have one folder, and
            # the order in which BLAS sums depends on its threads.
            with store.locked(), threadpool_limits(1, "blas"), Warnings() as caught:
                store.check()
                complete = _evaluate if store.is_trained else _train
                known = finished_result(experiment, store)
                result = known or complete(session, caught)
                store.write_result(result, is_new=known is None)
                tracker.finish(result)
        return result


def _train(session: Session, caught: Warnings) -> Result:
    """Train a new model and evaluate it."""
    experiment, folder = session.experiment, session.folder
    started = time.perf_counter()
    evaluator, doubts = prepare(experiment, True, caught, session.on_warning)
    folder.open()
    session.tracker.start()

    def on_row(row: RoundRow) -> None:
        session.tracker.on_row(row)
        session.on_row(row)

    present = environment(session.carrier)
    training = {**present, "deterministic": present["deterministic"] and not doubts}
    ledger = experiment.ledger()
    recorder = RoundRecorder(
        experiment, folder, evaluator, on_row, training, caught, ledger
    )
    if experiment.config.centralised:
        train_centralised(experiment, recorder.after_round, ledger=ledger)
    else:
        federate(
            experiment,
            recorder.after_round,
            recorder.on_event,
            session.grid,
            ledger,
        )
    scores, seconds = recorder.finish(), time.perf_counter() - started
    return result_of(experiment, folder, scores, seconds, 0.0, present, caught.texts)


def _evaluate(session: Session, caught: Warnings) -> Result:
    """Evaluate the model that was trained in the folder."""
    experiment, folder = session.experiment, session.folder
    started, training = time.perf_counter(), read_record(experiment, folder)
    evaluator, _ = prepare(experiment, False, caught, session.on_warning)
    network = trained_network(experiment, folder)
    folder.open()
    present, began = environment(session.carrier), time.perf_counter()
    scores = evaluator(network.arrays())
    folder.write_details(scores, experiment.split.class_names)
    # True if the training was interrupted before this evaluation, its last step.
    is_first = training.evaluation_digest == experiment.config.evaluation_digest
    if is_first:
        folder.score_last_round(scores, time.perf_counter() - began)
    seconds, before = time.perf_counter() - started, training_seconds(folder)
    messages = caught.texts | set(training.warnings)
    result = result_of(experiment, folder, scores, seconds, before, present, messages)
    # The clients evaluated during the training, possibly under other attacks.
    return result if is_first else replace(result, federated=None)
