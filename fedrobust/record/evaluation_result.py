"""The part of result.json that runs and attacks on model files have in common."""

import math
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from fedrobust.errors import FileError
from fedrobust.evaluation.checks import Check
from fedrobust.evaluation.measures import Measures
from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json, to_json
from fedrobust.record.validation import from_json


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """The result of an evaluation; the fields are the keys of result.json.

    A field with a default was not recorded by every version; when such a result is
    written again, its value is null.

    Attributes
    ----------
    evaluation_digest
        Digest of the attacks, their epsilons and the checks.
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
    measures
        Measures of classes, calibration and ranking, clean and in the worst case; None
        for results of earlier versions.
    hyperparameters
        Those of each attack by name; None for an attack whose parameters are not all
        fields.
    checks
        Checks of the robust numbers, by name.
    wall_seconds
        Duration of the call.
    environment
        The environment that the bits of the result may depend on.
    others
        Keys that only other versions know, which are written back unchanged.
    """

    evaluation_digest: str = ""
    seed: int
    attack: Json
    choices: dict[str, str]
    clean_accuracy: float
    robust_accuracy: dict[str, dict[str, float]] = field(default_factory=dict)
    worst_robust_accuracy: dict[str, float]
    num_evaluated: int | None = None
    measures: Measures | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Check]
    wall_seconds: float | None = None
    environment: Json = field(default_factory=dict)
    others: Json = field(default_factory=dict)

    @property
    def failed_checks(self) -> list[str]:
        """Names of the failed checks, which make the robust numbers unreliable."""
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
            The file of the object.
        advice
            What the user should do if the file is refused.
        also
            Fields that are required although earlier versions did not record them.

        Raises
        ------
        FileError
            When a key is missing, or a value has another type or is out of bounds.
        """
        result = from_json(cls, found, where, advice, also)
        _require_shares(result, where, advice)
        _require_same_classes(result, where, advice)
        known = {f.name for f in fields(cls)}
        others = {key: value for key, value in found.items() if key not in known}
        return replace(result, others=others)

    def to_json(self) -> Json:
        """Return the content of result.json as a JSON object."""
        values = asdict(self)
        others: Json = values.pop("others")
        return values | others

    def to_text(self) -> str:
        """Return the text of result.json."""
        return to_json(self.to_json(), indent=2) + "\n"


def measured_by(scores: Scores) -> dict[str, Any]:
    """Return the fields of a result that an evaluation's scores fill."""
    return {
        "clean_accuracy": scores.clean,
        "robust_accuracy": scores.robust,
        "worst_robust_accuracy": scores.worst,
        "num_evaluated": scores.num_examples,
        "measures": None if scores.details is None else scores.details.measures,
        "hyperparameters": scores.hyperparameters,
        "checks": scores.checks,
    }


def _require_shares(result: EvaluationResult, where: Path | str, advice: str) -> None:
    """Refuse an epsilon that is no radius, and an accuracy outside [0, 1]."""
    curves = {
        "worst_robust_accuracy": result.worst_robust_accuracy,
        **{f"robust_accuracy.{n}": c for n, c in result.robust_accuracy.items()},
    }
    shares = {"clean_accuracy": result.clean_accuracy}
    for name, curve in curves.items():
        for epsilon, share in curve.items():
            if not _is_radius(epsilon):
                raise FileError(
                    f"{where}: {name} has the epsilon {epsilon[:40]!r}: must be a "
                    f"finite number of at least 0; {advice}"
                )
            shares[f"{name}.{epsilon}"] = share
    for name, found in _class_accuracies(result):
        shares |= {f"{name}.{i}": a for i, a in enumerate(found) if a is not None}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise FileError(f"{where}: {name} is {share}: must be in [0, 1]; {advice}")


def _is_radius(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


def _class_accuracies(
    result: EvaluationResult,
) -> Iterator[tuple[str, list[float | None]]]:
    if result.measures is not None:
        yield (
            "measures.clean.class_accuracy",
            result.measures["clean"]["class_accuracy"],
        )
        for epsilon, found in result.measures["worst"].items():
            yield f"measures.worst.{epsilon}.class_accuracy", found["class_accuracy"]


def _require_same_classes(
    result: EvaluationResult, where: Path | str, advice: str
) -> None:
    """Refuse measures of the worst case that lack an epsilon or a class."""
    sizes = {name: len(found) for name, found in _class_accuracies(result)}
    if not sizes:
        return
    clean, *_ = sizes.values()
    for epsilon in result.worst_robust_accuracy:
        name = f"measures.worst.{epsilon}.class_accuracy"
        if sizes.get(name) != clean:
            raise FileError(
                f"{where}: {name} has {sizes.get(name, 0)} classes: must have {clean} "
                f"as measures.clean.class_accuracy; {advice}"
            )
