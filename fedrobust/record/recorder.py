"""The recorder of rounds: evaluates each global model and writes what happened."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fedrobust.assembly import Experiment
from fedrobust.errors import RunFailedError
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json
from fedrobust.network import Arrays
from fedrobust.network.network import save_model
from fedrobust.privacy.ledger import Ledger
from fedrobust.randomness import GlobalDraws
from fedrobust.record.folder import RunFolder
from fedrobust.record.round_row import RoundRow, round_row
from fedrobust.record.training_record import TrainingRecord
from fedrobust.record.warning_log import ATTACKS, Warnings

if TYPE_CHECKING:
    from strategies.round_report import RoundReport

# Called after each round with its row of metrics.jsonl.
OnRow = Callable[[RoundRow], None]


class RoundRecorder:
    """Follows the rounds: evaluates the global model and records what happened.

    Parameters
    ----------
    experiment, folder
        What is run, and where it is recorded.
    evaluator
        Evaluates the global models.
    on_row
        Called after each round, to show progress.
    environment
        The environment of the training.
    caught
        The warnings of the run.
    ledger
        Counts what is spent of the clients' privacy; None where no epsilon is claimed.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: RunFolder,
        evaluator: Evaluator,
        on_row: OnRow,
        environment: Json,
        caught: Warnings,
        ledger: Ledger | None = None,
    ) -> None:
        self._experiment = experiment
        self._config = experiment.config
        self._folder = folder
        self._evaluate = evaluator
        self._on_row = on_row
        self._environment = environment
        self._caught = caught
        self._ledger = ledger
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
        """Evaluate the new global model, if this round is evaluated, and record.

        Parameters
        ----------
        report
            The strategy's report of the round.
        arrays
            The new global arrays.
        chosen
            The choices of the colluding clients; None if no clients collude.
        """
        ledger = self._ledger
        is_spent = ledger is not None and ledger.is_spent
        is_last = is_spent or report.round == self._config.num_rounds
        if report.skipped is not None:
            self._skipped.append(report.skipped)
        row = round_row(report, self._experiment.attackers(report.round), chosen)
        if ledger is not None:
            row = replace(row, epsilon_spent=ledger.epsilon())
        if is_last:
            # Recorded before the evaluation, in which a run is most likely interrupted.
            self._folder.add_round(row)
            self._save(arrays, report.round)
        started = time.perf_counter()
        scores = None
        if is_last or self._config.is_evaluated(report.round):
            checks = self._config.checks if is_last else "none"
            evaluate = replace(self._evaluate, checks=checks, detailed=is_last)
            scores = evaluate(arrays)
        seconds = time.perf_counter() - started
        row = row.with_scores(scores, seconds)
        if is_last:
            self._folder.score_last_round(scores, seconds)
            self._final = scores
            if scores is not None:
                names = self._experiment.split.class_names
                self._folder.write_details(scores, names)
        else:
            self._folder.add_round(row)
        self._on_row(row)

    def finish(self) -> Scores:
        """Return the scores of the last round's model.

        Raises
        ------
        RunFailedError
            When the last round was never recorded.
        """
        if self._final is None:
            raise RunFailedError("the runtime ended before the last round")
        return self._final

    def _save(self, arrays: Arrays, num_rounds: int) -> None:
        """Save the trained model before it is evaluated."""
        if len(self._skipped) == num_rounds:
            first = str((self._first_event or {}).get("reason")).partition("\n")[0]
            raise RunFailedError(
                f"no round was aggregated, so there is no trained model: "
                f"{self._skipped[-1]}; the first event was {first!r}, and "
                f"{self._folder.events_path} has all of them"
            )
        if self._draws.happened():
            self._environment = {**self._environment, "deterministic": False}
            warnings.warn(
                "NumPy's global generator was used during the rounds, so the same "
                "configuration may give other numbers each time: let rules and attacks "
                "draw with the generator or the seed that they are given",
                stacklevel=2,
            )
        network = self._experiment.network
        network.assign(arrays)
        if not self._config.centralised:
            split = self._experiment.split
            self._folder.write_partition(self._experiment.partition, split)
        self._folder.save_model(
            lambda path: save_model(network.model, path),
            TrainingRecord(
                environment=self._environment,
                num_rounds=num_rounds,
                evaluation_digest=self._config.evaluation_digest,
                data_digest=self._experiment.split.digest,
                partition_digest=self._experiment.partition_digest,
                # Warnings of attacks belong to an evaluation, not to the training.
                warnings=sorted(self._caught.without(ATTACKS)),
            ),
        )
