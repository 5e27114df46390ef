"""What result.json holds: the scores of a run, and what they may depend on."""

from dataclasses import asdict
from statistics import fmean

from fedrobust.assembly import Experiment
from fedrobust.config import Config
from fedrobust.evaluation.evaluator import Scores
from fedrobust.files import Json
from fedrobust.record.environment import other_versions
from fedrobust.record.folder import RunFolder


def result_of(
    experiment: Experiment,
    folder: RunFolder,
    scores: Scores,
    seconds: float,
    seconds_before: float,
    here: Json,
    messages: set[str],
) -> Json:
    """Make what result.json holds.

    Parameters
    ----------
    experiment, folder
        The run, whose rounds are recorded.
    scores
        Of its trained model.
    seconds, seconds_before
        What this call took, and what the training did where that was an earlier call's.
    here
        The environment of the evaluation; the training may have had another.
    messages
        What was warned of, beside what configuration and rounds tell themselves.
    """
    config = experiment.config
    rows, training = folder.metrics(), folder.training()
    trained_in = training.get("environment", here)
    messages = {*messages, *config.notes, *told_by(folder, config)}
    messages |= set(scores.notes)
    both = here["deterministic"] and trained_in.get("deterministic", False)
    return {
        "config_digest": config.digest,
        "evaluation_digest": config.evaluation_digest,
        "data_digest": experiment.split.digest,
        "partition_digest": training.get("partition_digest"),
        "attack": asdict(config.attack),
        "choices": config.choices,
        "seed": config.seed,
        "num_rounds": config.num_rounds,
        "clean_accuracy": scores.clean,
        "robust_accuracy": scores.robust,
        "worst_robust_accuracy": scores.worst,
        "backdoor_success": scores.backdoor_success,
        "num_evaluated": scores.num_examples,
        "hyperparameters": scores.hyperparameters,
        "checks": {name: vars(check) for name, check in scores.checks.items()},
        "federated": rows[-1]["federated"],
        "objective_clients": (
            experiment.objective_clients if config.training.fraction < 1 else None
        ),
        "byzantine_clients": (
            None if config.byzantine_redraw else config.drawn_byzantine()
        ),
        "detection": _average_detection(rows),
        "bytes_down": sum(row["bytes_down"] for row in rows),
        "bytes_up": sum(row["bytes_up"] for row in rows),
        "train_seconds": sum(row["train_seconds"] for row in rows),
        "quarantined": sum(row["quarantined"] for row in rows),
        "failed": sum(row["failed"] for row in rows),
        "skipped_rounds": sum(row["skipped"] is not None for row in rows),
        "warnings": sorted(messages),
        "wall_seconds": seconds,
        "earlier_seconds": seconds_before,
        "environment": {**trained_in, "deterministic": both},
        "evaluation_environment": here,
        "other_versions": other_versions(trained_in),
    }


def training_seconds(folder: RunFolder) -> float:
    """Sum what the rounds took, but for the evaluation of the trained model."""
    rows = folder.metrics()
    evaluated = sum(row["evaluate_seconds"] for row in rows[:-1])
    trained = sum(row["train_seconds"] + row["aggregate_seconds"] for row in rows)
    return float(trained + evaluated)


def told_by(folder: RunFolder, config: Config) -> set[str]:
    """Say what the rounds and events of a run mean for its numbers."""
    messages = set()
    skipped = sum(row["skipped"] is not None for row in folder.metrics())
    if skipped:
        messages.add(f"{skipped} of {config.num_rounds} rounds were skipped")
    events = folder.events()
    absent = {
        event.get("client") for event in events if event["event"] == "unidentified"
    } - {None}
    if absent:
        messages.add(f"{len(absent)} of {config.num_clients} clients never took part")
    lowered = {event.get("round") for event in events if event["event"] == "f lowered"}
    if lowered:
        messages.add(
            f"in {len(lowered)} of {config.num_rounds} rounds clients were missing and "
            "f was lowered"
        )
    honest = sum(event["event"] == "no collusion" for event in events)
    if honest:
        messages.add(f"in {honest} of {config.num_rounds} rounds nobody attacked")
    return messages


def _average_detection(rows: list[Json]) -> Json | None:
    """Average precision and recall over the rounds that have them."""
    found = [row["detection"] for row in rows if row["detection"] is not None]
    if not found:
        return None
    averages: Json = {}
    for name in ("precision", "recall"):
        values = [round[name] for round in found if round[name] is not None]
        averages[name] = fmean(values) if values else None
    return averages
