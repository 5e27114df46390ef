"""Compile the result of a run from its scores and the records of its rounds."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from fedrobust.assembly import Experiment
from fedrobust.assembly.statement import statement_of
from fedrobust.config import Config
from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json
from fedrobust.privacy.ledger import Ledger
from fedrobust.record.environment import other_versions
from fedrobust.record.evaluation_result import measured_by
from fedrobust.record.folder import RESTARTED, RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection, RoundRow


def result_of(
    experiment: Experiment,
    folder: RunFolder,
    scores: Scores,
    seconds: float,
    seconds_before: float,
    present: Json,
    messages: set[str],
) -> Result:
    """Return the result of a run.

    Parameters
    ----------
    experiment, folder
        The run, with all its rounds recorded.
    scores
        The scores of the trained model.
    seconds, seconds_before
        Duration of this call, and of the training if an earlier call did it.
    present
        The environment of the evaluation, which may differ from the training's.
    messages
        Warnings in addition to those about the configuration and the rounds.
    """
    rows, training = folder.rounds(), folder.training()
    ledger = spent_by(experiment, folder)
    trained_in = training.environment or present
    repeats = present["deterministic"] and trained_in.get("deterministic", False)
    config = experiment.config
    redrawn, shared = config.byzantine_redraw, config.training.fraction < 1
    return Result(
        config_digest=config.digest,
        evaluation_digest=config.evaluation_digest,
        data_digest=experiment.split.digest,
        partition_digest=training.partition_digest,
        attack=asdict(config.attack),
        choices=config.choices,
        seed=config.seed,
        num_rounds=len(rows),
        **measured_by(scores),
        backdoor_success=scores.backdoor_success,
        objective_clients=experiment.objective_clients if shared else None,
        byzantine_clients=None if redrawn else config.drawn_byzantine(),
        privacy=statement_of(config, ledger),
        **summed(rows),
        warnings=sorted(
            {
                *messages,
                *scores.notes,
                *config.notes,
                *event_warnings(folder, config),
                *privacy_warnings(folder, config, ledger),
            }
        ),
        wall_seconds=seconds,
        earlier_seconds=seconds_before,
        environment={**trained_in, "deterministic": repeats},
        evaluation_environment=present,
        other_versions=other_versions(trained_in),
    )


def summed(rows: Sequence[RoundRow]) -> dict[str, Any]:
    """Return the fields of a result that summarise the rounds."""
    return {
        "federated": rows[-1].federated,
        "detection": _average_detection(rows),
        "bytes_down": sum(row.bytes_down for row in rows),
        "bytes_up": sum(row.bytes_up for row in rows),
        "train_seconds": sum(row.train_seconds for row in rows),
        "quarantined": sum(row.quarantined for row in rows),
        "failed": sum(row.failed for row in rows),
        "skipped_rounds": sum(row.skipped is not None for row in rows),
    }


def training_seconds(folder: RunFolder) -> float:
    """Return the duration of all rounds, without the final evaluation."""
    rows = folder.rounds()
    evaluated = sum(row.evaluate_seconds for row in rows[:-1])
    trained = sum(row.train_seconds + row.aggregate_seconds for row in rows)
    return float(trained + evaluated)


def spent_by(experiment: Experiment, folder: RunFolder) -> Ledger | None:
    """Return what all rounds have spent, from the clients that each sampled.

    None where no epsilon is claimed.
    """
    ledger, config = experiment.ledger(), experiment.config
    if ledger is None:
        return None
    if not config.centralised:
        absent = _absent(folder)
        present = [c for c in range(config.num_clients) if c not in absent]
        ledger.tariff = experiment.tariff(present)
    for row in folder.rounds():
        ledger.record(row.round, [0] if config.centralised else row.sampled)
    return ledger


def _absent(folder: RunFolder) -> set[int]:
    """Return the clients that no node was known to be."""
    events = (e for e in folder.events() if e.event == "unidentified")
    return {e.client for e in events if e.client is not None}


def event_warnings(folder: RunFolder, config: Config) -> set[str]:
    """Return warnings about a run's numbers that follow from its rounds and events."""
    messages, rows = set(), folder.rounds()
    skipped, num_rounds = sum(row.skipped is not None for row in rows), len(rows)
    if skipped:
        messages.add(f"{skipped} of {num_rounds} rounds were skipped")
    events = folder.events()
    if num_rounds < config.num_rounds:
        messages.add(
            f"the run ended after round {num_rounds} of {config.num_rounds}: one more "
            "could spend more than privacy.max_epsilon"
        )
    if absent := _absent(folder):
        messages.add(f"{len(absent)} of {config.num_clients} clients never took part")
    lowered = {e.round for e in events if e.event == "f lowered"}
    if lowered:
        messages.add(
            f"in {len(lowered)} of {num_rounds} rounds clients were missing and f was "
            "lowered"
        )
    clipped = len({e.round for e in events if e.event == "values clipped"})
    if clipped:
        messages.add(
            f"in {clipped} of {num_rounds} rounds values of updates were beyond "
            "privacy.clip and were clipped (how many: events.jsonl)"
        )
    honest = sum(e.event == "no collusion" for e in events)
    if honest:
        messages.add(f"in {honest} of {num_rounds} rounds nobody attacked")
    return messages


def privacy_warnings(
    folder: RunFolder, config: Config, ledger: Ledger | None
) -> set[str]:
    """Return warnings about what a run spent, given its ledger if it has one."""
    messages = set()
    restarts = [e.reason for e in folder.events() if e.event == RESTARTED]
    if restarts:
        messages.add(
            "privacy does not count what was released before this attempt: "
            + "; ".join(map(str, restarts))
        )
    target = config.privacy.get("target_epsilon")
    if ledger is not None and target is not None and ledger.epsilon() > target:
        messages.add(
            f"the run spent epsilon={ledger.epsilon():.4g}, above "
            f"privacy.target_epsilon={target:g}, because clients were missing "
            "and the others were sampled more often"
        )
    return messages


def _average_detection(rows: Sequence[RoundRow]) -> Detection | None:
    """Average precision and recall, each over the rounds that have it."""
    rounds = [row.detection for row in rows if row.detection is not None]
    if not rounds:
        return None
    precision = [d.precision for d in rounds if d.precision is not None]
    recall = [d.recall for d in rounds if d.recall is not None]
    return Detection(
        precision=fmean(precision) if precision else None,
        recall=fmean(recall) if recall else None,
    )
