"""The result of ``fedrobust attack``, and what tells it from the results of others."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fedrobust.config import Config
from fedrobust.files import Json, file_digest
from fedrobust.record.environment import environment
from fedrobust.record.evaluation_result import EvaluationResult, measured_by

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

# How the images come here, and what they are attacked with by default.
NO_MATTER = ("download", "epsilon")


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


@dataclass(frozen=True)
class Identity:
    """What a result of ``fedrobust attack`` is of; the fields are keys of result.json.

    Attributes
    ----------
    model_digest
        Of the content of the model file.
    evaluation_digest
        Of how it is evaluated.
    seed
        Key of all random draws.
    dataset
        What the images depend on.
    range
        Lowest and highest input of the model.
    """

    model_digest: str
    evaluation_digest: str
    seed: int
    dataset: Json
    range: list[float]

    @property
    def folder(self) -> Path:
        """The folder of such a result, if the user names none."""
        bounds = str(tuple(self.range))
        parts = [self.model_digest, self.evaluation_digest, bounds]
        parts += [str(self.dataset), str(self.seed)]
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return Path("attacks") / name


def identity_of(model: Path, config: Config, model_range: Sequence[float]) -> Identity:
    """Return what attacking a model file by a configuration gives a result of."""
    return Identity(
        model_digest=file_digest(model)[:16],
        evaluation_digest=config.evaluation_digest,
        seed=config.seed,
        dataset={k: v for k, v in config.dataset.items() if k not in NO_MATTER},
        range=list(model_range),
    )


def attack_result(
    model: Path,
    identity: Identity,
    config: Config,
    assessment: "Assessment",
    seconds: float,
) -> AttackResult:
    """Return the result of an assessment that took so many seconds."""
    return AttackResult(
        **asdict(identity),
        model=str(model),
        attack=asdict(config.attack),
        choices=config.choices,
        **measured_by(assessment.scores),
        stages=[asdict(stage) for stage in assessment.stages],
        notes=assessment.notes,
        wall_seconds=seconds,
        environment=environment(config.runtime),
    )
