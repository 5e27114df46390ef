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
    here
        The environment of the training.
    warned
        Collects the warnings of the run.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: RunFolder,
        evaluator: Evaluator,
        on_row: OnRow,
        here: Json,
        warned: Warnings,
    ) -> None:
        self._experiment = experiment
        self._config = experiment.config
        self._folder = folder
        self._evaluate = evaluator
        self._on_row = on_row
        self._here = here
        self._warned = warned
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
            What the strategy says of the round.
        arrays
            The new global arrays.
        chosen
            What colluding clients chose; None where nobody colludes.
        """
        is_last = report.round == self._config.num_rounds
        if report.skipped is not None:
            self._skipped.append(report.skipped)
        row = round_row(report, self._experiment.attackers(report.round), chosen)
        if is_last:
            # Before the evaluation, during which a run is most likely to be killed.
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
        """Return the scores of the last round's model.

        Raises
        ------
        RunFailedError
            When there was no last round.
        """
        if self._final is None:
            raise RunFailedError("the runtime ended before the last round")
        return self._final

    def _save(self, arrays: Arrays) -> None:
        """Save the trained model before it is evaluated."""
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
        network = self._experiment.network
        network.assign(arrays)
        self._folder.save_model(
            lambda path: save_model(network.model, path),
            TrainingRecord(
                environment=self._here,
                evaluation_digest=self._config.evaluation_digest,
                data_digest=self._experiment.split.digest,
                partition_digest=self._experiment.partition_digest,
                # Evaluations between the rounds repeat the warnings of attacks.
                warnings=sorted(self._warned.without(ATTACKS)),
            ),
        )
