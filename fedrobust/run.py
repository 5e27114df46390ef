"""One run, top to bottom: read this and you know the system.

    data, model  ->  rounds over a grid (or without a federation)  ->  a trained model
    trained model  ->  clean and robust accuracy, with checks  ->  result.json

A finished run returns its result at once; asked for other epsilons, it evaluates the
model it has and trains nothing.
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
from fedrobust.record.summary import result_of, training_seconds
from fedrobust.record.warning_log import Warnings


@dataclass(frozen=True)
class Run:
    """An experiment in its folder, what carries its messages, and who is told."""

    experiment: Experiment
    folder: RunFolder
    grid: Any
    carrier: Json
    on_row: OnRow
    on_warning: OnWarning


def run(
    config: Config,
    folder: Path,
    on_row: OnRow = lambda row: None,
    on_warning: OnWarning = lambda text: None,
    grid: Any = None,
) -> Result:
    """Run an experiment, or return the result that it gave before.

    Parameters
    ----------
    config, folder
        A checked configuration, and the run directory.
    on_row, on_warning
        Called after each round, and with each warning before the first round.
    grid
        The Flower grid to run over, as under ``flwr run``; None starts the runtime.

    Raises
    ------
    ConfigError
        When the folder belongs to another run, or something cannot be made.
    """
    experiment, record = Experiment(config), RunFolder(folder, config)
    asked = Run(experiment, record, grid, carrier(config, grid), on_row, on_warning)
    record.check()
    with record.noting_failures(), exits_refused():
        # A finished run may be in a read-only folder, so it is not locked.
        result = finished_result(experiment, record)
        if result is None or not record.is_settled(result):
            # Jobs of a sweep that differ only in the evaluation have one folder, and
            # the order in which BLAS sums depends on its threads.
            with record.locked(), threadpool_limits(1, "blas"), Warnings() as warned:
                record.check()
                complete = _evaluate if record.is_trained else _train
                result = finished_result(experiment, record) or complete(asked, warned)
                record.write_result(result)
        return result


def _train(run: Run, warned: Warnings) -> Result:
    """Train a new model and evaluate it."""
    experiment, folder, started = run.experiment, run.folder, time.perf_counter()
    evaluator, doubts = prepare(experiment, True, warned, run.on_warning)
    folder.open()
    present = environment(run.carrier)
    claimed = {**present, "deterministic": present["deterministic"] and not doubts}
    recorder = RoundRecorder(experiment, folder, evaluator, run.on_row, claimed, warned)
    if experiment.config.centralised:
        train_centralised(experiment, recorder.after_round)
    else:
        federate(experiment, recorder.after_round, recorder.on_event, run.grid)
    scores, seconds = recorder.finish(), time.perf_counter() - started
    return result_of(experiment, folder, scores, seconds, 0.0, present, warned.texts)


def _evaluate(run: Run, warned: Warnings) -> Result:
    """Evaluate the model that was trained in the folder."""
    experiment, folder, started = run.experiment, run.folder, time.perf_counter()
    training = read_record(experiment, folder)
    evaluator, _ = prepare(experiment, False, warned, run.on_warning)
    network = trained_network(experiment, folder)
    folder.open()
    present = environment(run.carrier)
    began = time.perf_counter()
    scores = evaluator(network.arrays())
    # True if the training was to end with this evaluation, but was killed before.
    is_first = training.evaluation_digest == experiment.config.evaluation_digest
    if is_first:
        folder.score_last_round(scores, time.perf_counter() - began)
    seconds, before = time.perf_counter() - started, training_seconds(folder)
    messages = warned.texts | set(training.warnings)
    result = result_of(experiment, folder, scores, seconds, before, present, messages)
    # The clients evaluated while they trained, and may have faced other attacks.
    return result if is_first else replace(result, federated=None)
