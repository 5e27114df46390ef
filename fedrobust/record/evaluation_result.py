"""What every result.json holds, of a run or of a model file, and how it is read."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from fedrobust.errors import FileError
from fedrobust.evaluation.checks import Check
from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json, to_json
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
