"""What result.json holds: of a run, and of a model file that was attacked."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from fedrobust.errors import FileError
from fedrobust.evaluation.checks import Check
from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json, to_json
from fedrobust.record.round_row import Detection
from fedrobust.record.validation import from_json


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What an evaluation found; the fields are the keys of result.json.

    A field with a default was not recorded by every version; null stands for it where
    such a result is written again.

    Attributes
    ----------
    evaluation_digest
        Digest of how the model was evaluated.
    seed
        Key of all random draws.
    attack, choices
        The configuration of the attacks, and the choice made in each group.
    clean_accuracy
        In [0, 1].
    robust_accuracy
        In [0, 1], by name of the attack, then by ``repr`` of epsilon.
    worst_robust_accuracy
        Accuracy under all attacks together, by ``repr`` of epsilon.
    num_evaluated
        Number of examples behind each accuracy.
    hyperparameters
        By name of the attack; None for an attack with parameters that are not fields.
    checks
        Checks of the robust numbers, by name.
    wall_seconds
        What the call took.
    environment
        What the bits of the result may depend on.
    others
        Keys that only other versions know; they are written back as they were read.
    """

    evaluation_digest: str = ""
    seed: int
    attack: Json
    choices: dict[str, str]
    clean_accuracy: float
    robust_accuracy: dict[str, dict[str, float]] = field(default_factory=dict)
    worst_robust_accuracy: dict[str, float]
    num_evaluated: int | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Check]
    wall_seconds: float | None = None
    environment: Json = field(default_factory=dict)
    others: Json = field(default_factory=dict)

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that failed: such numbers cannot be believed."""
        return [name for name, c in self.checks.items() if c.status == "fail"]

    @classmethod
    def from_json(
        cls, found: Json, where: Path | str, advice: str, also: Collection[str] = ()
    ) -> Self:
        """Read a result, of this version or an earlier one.

        Parameters
        ----------
        found
            The JSON object.
        where
            The file it is from.
        advice
            What to do about a file that is refused.
        also
            Fields that must be there although earlier versions left them out.

        Raises
        ------
        FileError
            When a key is missing, or a value has another type or is out of bounds.
        """
        result = from_json(cls, found, where, advice, also)
        _require_shares(result, where, advice)
        known = {f.name for f in fields(cls)}
        others = {key: value for key, value in found.items() if key not in known}
        return replace(result, others=others)

    def to_json(self) -> Json:
        """Return what result.json holds."""
        found = asdict(self)
        others: Json = found.pop("others")
        return found | others

    def to_text(self) -> str:
        """Return result.json."""
        return to_json(self.to_json(), indent=2) + "\n"


@dataclass(frozen=True, kw_only=True)
class Result(EvaluationResult):
    """The result of a run.

    Attributes
    ----------
    config_digest, data_digest, partition_digest
        Digests of the training's configuration, of the data, and of which client holds
        which rows.
    num_rounds
        Rounds of training.
    backdoor_success
        Share of the backdoor's victims that get its target; None without a backdoor.
    federated
        What the clients' own evaluation of the trained model gave; None without one.
    objective_clients, byzantine_clients
        Ids of the clients with the objective, and of those that are Byzantine; None
        where all have it, and where they are drawn anew in every round.
    detection
        Precision and recall, averaged over the rounds that have them.
    bytes_down, bytes_up, train_seconds
        Summed over the rounds.
    quarantined, failed
        Clients that did not count, summed over the rounds.
    skipped_rounds
        Rounds that kept the global model as it was.
    warnings
        What must be known to read the numbers.
    earlier_seconds
        What the training took, where an earlier call did it.
    evaluation_environment
        As ``environment``, which is the training's.
    other_versions
        Versions that are others now: what was recorded, and what there is.
    """

    config_digest: str
    data_digest: str | None = None
    partition_digest: str | None = None
    num_rounds: int
    backdoor_success: float | None = None
    federated: Json | None = None
    objective_clients: list[int] | None = None
    byzantine_clients: list[int] | None = None
    detection: Detection | None = None
    bytes_down: int | None = None
    bytes_up: int | None = None
    train_seconds: float | None = None
    quarantined: int | None = None
    failed: int | None = None
    skipped_rounds: int = 0
    warnings: list[str] = field(default_factory=list)
    earlier_seconds: float = 0.0
    evaluation_environment: Json = field(default_factory=dict)
    other_versions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def doubts(self) -> str:
        """Failed checks and skipped rounds, in words; empty if there are none."""
        failed = self.failed_checks
        reasons = [f"failed {' '.join(failed)}"] if failed else []
        if self.skipped_rounds:
            reasons.append(f"{self.skipped_rounds} rounds skipped")
        return "; ".join(reasons)

    @property
    def megabytes_a_round(self) -> float | None:
        """Serialised arrays sent in both directions, in 10^6 bytes."""
        if self.bytes_down is None or self.bytes_up is None:
            return None
        return (self.bytes_down + self.bytes_up) / self.num_rounds / 1e6

    def over_clients(self, figure: str) -> float | None:
        """Return the clean accuracy of ``worst_client``, ``median_client``, ``spread``.

        None where clients hold no images back.
        """
        found = (self.federated or {}).get(figure)
        accuracy = found.get("clean_accuracy") if isinstance(found, dict) else None
        return None if accuracy is None else float(accuracy)


@dataclass(frozen=True, kw_only=True)
class AttackResult(EvaluationResult):
    """The result of ``fedrobust attack``.

    Attributes
    ----------
    model, model_digest
        The file, and the digest of its content.
    dataset
        What the images depend on.
    range
        Lowest and highest input of the model.
    stages
        How many examples each stage of each attack began with.
    notes
        What was done to the model, and what explains its numbers.
    """

    model: str
    model_digest: str
    dataset: Json
    range: list[float]
    stages: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measured_by(scores: Scores) -> dict[str, Any]:
    """Return the fields of a result that an evaluation's scores fill."""
    return {
        "clean_accuracy": scores.clean,
        "robust_accuracy": scores.robust,
        "worst_robust_accuracy": scores.worst,
        "num_evaluated": scores.num_examples,
        "hyperparameters": scores.hyperparameters,
        "checks": scores.checks,
    }


def _require_shares(result: EvaluationResult, where: Path | str, advice: str) -> None:
    """Refuse an epsilon that is no number, and an accuracy outside [0, 1]."""
    curves = {
        "worst_robust_accuracy": result.worst_robust_accuracy,
        **{f"robust_accuracy.{n}": c for n, c in result.robust_accuracy.items()},
    }
    shares = {"clean_accuracy": result.clean_accuracy}
    for name, curve in curves.items():
        for epsilon, share in curve.items():
            try:
                float(epsilon)
            except ValueError as error:
                raise FileError(
                    f"{where}: {name} has the epsilon {epsilon!r}: must be a number; "
                    f"{advice}"
                ) from error
            shares[f"{name}.{epsilon}"] = share
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise FileError(f"{where}: {name} is {share}: must be in [0, 1]; {advice}")
