"""One run, top to bottom: read this and you know the system.

    data, model  ->  rounds over a grid (or without a federation)  ->  a trained model
    trained model  ->  clean and robust accuracy, with checks  ->  result.json

A finished run returns its result at once; asked for other epsilons, it evaluates the
model it has and trains nothing.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from fedrobust import assembly
from fedrobust.config import Config
from fedrobust.errors import ConfigError, RunFailedError, exits_refused
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.evaluation.scores import Scores
from fedrobust.federation.centralised import train_centralised
from fedrobust.files import Json, unreadable
from fedrobust.network.network import Arrays, Network, save_model
from fedrobust.randomness import GlobalDraws
from fedrobust.record.environment import environment
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.reuse import finished_result, require_same_data
from fedrobust.record.round_row import RoundRow, round_row
from fedrobust.record.summary import result_of, training_seconds
from fedrobust.record.validation import TRAIN_ANEW

if TYPE_CHECKING:
    from flwr.serverapp import Grid

    from strategies.round_report import RoundReport

# Called after each round with its row of metrics.jsonl.
OnRow = Callable[[RoundRow], None]
# Called before the first round with each warning about what is to be trained.
OnWarning = Callable[[str], None]
Train = Callable[["Training"], None]


def run(
    config: Config,
    folder: Path,
    on_row: OnRow = lambda row: None,
    on_warning: OnWarning = lambda text: None,
) -> Result:
    """Run an experiment on the runtime that it names, or return what it gave before.

    Parameters
    ----------
    config
        A validated experiment.
    folder
        Its run directory.
    on_row
        Called after each round, to show progress.
    on_warning
        Called before the first round with each warning about the training.

    Returns
    -------
    The result, which result.json holds.

    Raises
    ------
    ConfigError
        When the folder belongs to another run, or something cannot be made.
    """

    def train(training: "Training") -> None:
        from fedrobust.federation.client import client_app
        from fedrobust.federation.cohort import Cohort
        from fedrobust.federation.server import serve
        from fedrobust.runtime.flower import quiet

        quiet()
        runtime = assembly.make(config.runtime, "runtime")
        cohort = Cohort(config) if config.cohort > 1 else None

        def server(grid: "Grid") -> None:
            # Some runtimes give the server a thread, which an exit would end unseen.
            with exits_refused():
                serve(grid, config, training.after_round, training.on_event, cohort)

        runtime.run(server, client_app(config, cohort), config.num_clients)

    run_folder = RunFolder(folder, config)
    return _run(config, run_folder, train, on_row, config.runtime, on_warning)


def run_on_grid(
    grid: "Grid", config: Config, folder: Path, on_row: OnRow = lambda row: None
) -> Result:
    """Run an experiment over a grid that is there already, as under ``flwr run``.

    Raises
    ------
    ConfigError
        As ``run``, and when clients shall train together.
    """
    from fedrobust.federation.server import serve

    if config.cohort > 1:
        raise ConfigError(
            f"runtime.cohort={config.cohort}: must be 1 under flwr run, where clients "
            "of other processes cannot be trained together"
        )

    def train(training: "Training") -> None:
        serve(grid, config, training.after_round, training.on_event)

    kind = f"{type(grid).__module__}.{type(grid).__qualname__}"
    runtime = {**config.runtime, "_target_": kind}
    return _run(config, RunFolder(folder, config), train, on_row, runtime)


def _run(
    config: Config,
    folder: RunFolder,
    train: Train,
    on_row: OnRow,
    runtime: Json,
    on_warning: OnWarning = lambda text: None,
) -> Result:
    folder.check()
    try:
        with exits_refused():
            # A finished run may be where nobody can write, so it is not locked.
            finished = finished_result(config, folder)
            if finished is not None and folder.is_settled(finished):
                return finished
            # Jobs of a sweep that differ only in the evaluation have one folder.
            with folder.locked():
                return _run_alone(config, folder, train, on_row, runtime, on_warning)
    except Exception as error:
        folder.note_failure(error)
        raise


def _run_alone(
    config: Config,
    folder: RunFolder,
    train: Train,
    on_row: OnRow,
    runtime: Json,
    on_warning: OnWarning,
) -> Result:
    folder.check()
    result = finished_result(config, folder)
    if result is not None:
        folder.write_result(result)
        return result
    trained_before = folder.is_trained
    # Of a run that was killed in its last evaluation, not of another one.
    of_training = folder.training().get("evaluation_digest")
    is_first = of_training == config.evaluation_digest
    started = time.perf_counter()
    # The order in which BLAS sums depends on its threads.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        evaluator, of_attacks, doubts = _prepare(config, folder, caught, on_warning)
        network = _trained_network(config, folder) if trained_before else None
        folder.open()
        here = environment(runtime)
        if network is not None:
            began = time.perf_counter()
            scores = evaluator(network.arrays())
            if is_first:
                folder.score_last_round(scores, time.perf_counter() - began)
        else:
            repeats = here["deterministic"] and not doubts
            trained_here = {**here, "deterministic": repeats}
            training = Training(
                config, folder, evaluator, on_row, trained_here, caught, of_attacks
            )
            if config.centralised:
                train_centralised(config, training.after_round)
            else:
                train(training)
            scores = training.finish()
    seconds = time.perf_counter() - started
    messages = _messages(caught) | set(folder.training().get("warnings", []))
    before = training_seconds(folder) if trained_before else 0.0
    result = result_of(config, folder, scores, seconds, before, here, messages)
    if trained_before and not is_first:
        # The clients evaluated while they trained, and under other attacks.
        result = replace(result, federated=None)
    folder.write_result(result)
    return result


def _prepare(
    config: Config,
    folder: RunFolder,
    caught: Sequence[warnings.WarningMessage],
    on_warning: OnWarning,
) -> tuple[Evaluator, set[str], list[str]]:
    """Build everything that can be wrong with data and model before a round is lost.

    Returns
    -------
    The evaluator; what attacks warn of at each epsilon, which evaluations repeat in the
    midst of the rounds and which is no matter of the training; and why the training may
    not repeat.

    Raises
    ------
    ConfigError
        When something cannot be made, or what was trained is of other data.
    """
    if folder.is_trained:
        require_same_data(config, folder)
        # All of the record is read before an evaluation of hours.
        folder.rounds()
        folder.events()
    if not config.centralised:
        assembly.partition_of(config)
    doubts = assembly.check_training(config)
    assembly.check_poisoning(config)
    if not folder.is_trained:
        assembly.check_saving(config)
    of_training = _messages(caught)
    for text in sorted(of_training):
        on_warning(text)
    evaluator = assembly.evaluator_for(config)
    for attack in evaluator.attacks.values():
        for epsilon in evaluator.epsilons:
            attack.at(epsilon)
    return evaluator, _messages(caught) - of_training, doubts


def _trained_network(config: Config, folder: RunFolder) -> Network:
    """Read the model that was trained here."""
    network = assembly.network_for(config)
    try:
        network.model.load_weights(folder.model_path)
    except Exception as error:
        # Keras raises whatever its file formats raise.
        raise unreadable(folder.model_path, error, TRAIN_ANEW) from error
    return network


class Training:
    """Follows the rounds: evaluates the global model and records what happened."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        evaluator: Evaluator,
        on_row: OnRow,
        here: Json,
        caught: Sequence[warnings.WarningMessage],
        of_attacks: set[str],
    ) -> None:
        self._config = config
        self._here = here
        self._caught = caught
        self._of_attacks = of_attacks
        self._folder = folder
        self._on_row = on_row
        self._evaluate = evaluator
        self._skipped: list[str] = []
        self._first_event: Json | None = None
        self._final: Scores | None = None
        self._draws = GlobalDraws()

    def on_event(self, event: Json) -> None:
        """Record a quarantine, a failure or a skipped round."""
        self._first_event = self._first_event or event
        self._folder.add_event(event)

    def after_round(
        self,
        report: "RoundReport",
        arrays: Arrays,
        chosen: Mapping[str, int | float] | None,
    ) -> None:
        """Evaluate the new global model, if this round is evaluated, and record."""
        is_last = report.round == self._config.num_rounds
        if report.skipped is not None:
            self._skipped.append(report.skipped)
        dishonest = assembly.dishonest_ids(self._config, report.round)
        row = round_row(report, dishonest, chosen)
        if is_last:
            # Before the evaluation, in which a run is killed most likely.
            self._folder.add_round(row)
            self._save(arrays)
        started = time.perf_counter()
        scores = None
        if self._config.is_evaluated(report.round):
            checks = self._config.checks if is_last else "none"
            scores = replace(self._evaluate, checks=checks)(arrays)
        seconds = time.perf_counter() - started
        row = row.with_scores(scores, seconds)
        if is_last:
            self._folder.score_last_round(scores, seconds)
            self._final = scores
        else:
            self._folder.add_round(row)
        self._on_row(row)

    def finish(self) -> Scores:
        """Give the scores of the last round's model."""
        if self._final is None:
            raise RunFailedError("the runtime ended before the last round")
        return self._final

    def _save(self, arrays: Arrays) -> None:
        """Save the trained model before anything else can go wrong with it."""
        if len(self._skipped) == self._config.num_rounds:
            first = str((self._first_event or {}).get("reason")).partition("\n")[0]
            raise RunFailedError(
                f"no round was aggregated, so there is no trained model: "
                f"{self._skipped[-1]}; it began with {first!r}, and "
                f"{self._folder.events_path} tells the rest"
            )
        if self._draws.happened():
            self._here = {**self._here, "deterministic": False}
            warnings.warn(
                "something drew from NumPy's global generator during the rounds, so "
                "the same configuration may give other numbers each time: rules and "
                "attacks are given a generator or a seed to draw with",
                stacklevel=2,
            )
        network = assembly.network_for(self._config)
        network.assign(arrays)
        self._folder.save_model(
            lambda path: save_model(network.model, path),
            {
                "environment": self._here,
                "evaluation_digest": self._config.evaluation_digest,
                "data_digest": assembly.split_of(self._config).digest,
                "partition_digest": assembly.digest_of_partition(self._config),
                "warnings": sorted(_messages(self._caught) - self._of_attacks),
            },
        )


def _messages(caught: Sequence[warnings.WarningMessage]) -> set[str]:
    """Give the texts of what was warned of for the user."""
    return {str(w.message) for w in caught if issubclass(w.category, UserWarning)}
