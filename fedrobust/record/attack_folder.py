"""Where ``fedrobust attack`` leaves its result, and what the result is of."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedrobust.config import Config
from fedrobust.config.targets import file_digest
from fedrobust.errors import ConfigError
from fedrobust.files import (
    Json,
    check_writable,
    read_json,
    replacing,
    to_json,
    write_atomically,
)
from fedrobust.record.environment import environment
from fedrobust.record.result import AttackResult, measured_by

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

OTHER_OUT = "choose another --out"
# How the images come here, and what they are attacked with by default.
NO_MATTER = ("download", "epsilon")


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


def check_attack_folder(folder: Path, identity: Identity) -> None:
    """Refuse, before hours are spent, a folder that the result could not go to.

    Raises
    ------
    ConfigError
        When the folder cannot be written, or holds the result of something else.
    """
    check_writable(folder, "--out")
    path = folder / "result.json"
    if not path.exists():
        return
    found = read_json(path, OTHER_OUT)
    expected = json.loads(to_json(asdict(identity)))
    # Older results lack some of the keys.
    recorded = {key: found[key] for key in expected if key in found}
    same = all(expected[key] == value for key, value in recorded.items())
    if "model_digest" not in recorded or not same:
        raise ConfigError(f"{path} is of something else: {OTHER_OUT}")


def write_attack(
    folder: Path, result: AttackResult, examples: "Assessment | None"
) -> list[Path]:
    """Write a result, and the adversarial examples if there are some to keep.

    Returns
    -------
    The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "result.json"]
    write_atomically(written[0], result.to_text())
    if examples is not None:
        arrays: dict[str, Any] = {"x": examples.x, "y": examples.y}
        attacked = examples.adversarial.items()
        arrays |= {f"{name}_{epsilon}": x for (name, epsilon), x in attacked}
        written.append(folder / "adversarial.npz")
        with replacing(written[1]) as file:
            np.savez_compressed(file, **arrays)
    return written
