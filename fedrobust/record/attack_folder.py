"""The folder with the result of ``fedrobust attack``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedrobust.errors import ConfigError
from fedrobust.files import (
    check_writable,
    read_json,
    replacing,
    to_json,
    write_atomically,
)
from fedrobust.record.attack_result import AttackResult, Identity
from fedrobust.record.details import write_confusion

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

OTHER_OUT = "choose another --out"


def check_attack_folder(folder: Path, identity: Identity) -> None:
    """Refuse a folder that could not take the result, before hours are spent.

    Raises
    ------
    ConfigError
        When the folder cannot be written, or holds the result of another attack.
    """
    check_writable(folder, "--out")
    path = folder / "result.json"
    if not path.exists():
        return
    result = read_json(path, OTHER_OUT)
    expected = json.loads(to_json(asdict(identity)))
    # Older results lack some of the keys.
    recorded = {key: result[key] for key in expected if key in result}
    same = all(expected[key] == value for key, value in recorded.items())
    if "model_digest" not in recorded or not same:
        raise ConfigError(f"{path} is the result of another attack: {OTHER_OUT}")


def write_attack(
    folder: Path, result: AttackResult, found: "Assessment", save: bool
) -> list[Path]:
    """Write a result, its confusion matrices, and the adversarial examples if asked.

    Returns
    -------
    The written files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if found.scores.details is not None:
        written.append(folder / "confusion.json")
        write_confusion(written[-1], found.scores.details, found.class_names)
    written.append(folder / "result.json")
    write_atomically(written[-1], result.to_text())
    if save:
        arrays: dict[str, Any] = {"x": found.x, "y": found.y}
        attacked = found.adversarial.items()
        arrays |= {f"{name}_{epsilon}": x for (name, epsilon), x in attacked}
        written.append(folder / "adversarial.npz")
        with replacing(written[-1]) as file:
            np.savez_compressed(file, **arrays)
    return written
