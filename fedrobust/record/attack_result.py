"""The result of ``fedrobust attack``, and the keys that identify it."""

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

# Keys of a data set that do not change its images.
IRRELEVANT = ("download", "epsilon")


@dataclass(frozen=True, kw_only=True)
class AttackResult(EvaluationResult):
    """The result of ``fedrobust attack``.

    Attributes
    ----------
    model, model_digest
        The model file, and the digest of its content.
    dataset
        The keys of the data set that its images depend on.
    range
        Lowest and highest input of the model.
    stages
        The stages of each attack, with the number of examples that each began with.
    notes
        Changes that were made to the model, and remarks on its numbers.
    """

    model: str
    model_digest: str
    dataset: Json
    range: list[float]
    stages: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Identity:
    """The keys of result.json that say which attack on which model a result belongs to.

    Attributes
    ----------
    model_digest
        Digest of the content of the model file.
    evaluation_digest
        Digest of the attacks, their epsilons and the checks.
    seed
        Key of all random draws.
    dataset
        The keys of the data set that its images depend on.
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
        """The default folder of the result."""
        bounds = str(tuple(self.range))
        parts = [self.model_digest, self.evaluation_digest, bounds]
        parts += [str(self.dataset), str(self.seed)]
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return Path("attacks") / name


def identity_of(model: Path, config: Config, model_range: Sequence[float]) -> Identity:
    """Return the identity of the result of attacking a model file."""
    return Identity(
        model_digest=file_digest(model)[:16],
        evaluation_digest=config.evaluation_digest,
        seed=config.seed,
        dataset={k: v for k, v in config.dataset.items() if k not in IRRELEVANT},
        range=list(model_range),
    )


def attack_result(
    model: Path,
    identity: Identity,
    config: Config,
    assessment: "Assessment",
    seconds: float,
) -> AttackResult:
    """Return the result of an assessment, which took ``seconds``."""
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
