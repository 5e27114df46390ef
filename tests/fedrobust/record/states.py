"""Folders of runs in every state, written by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from filelock import FileLock

from tests.fedrobust.record.results import LEAST

EVALUATION = "e" * 16


def begin(folder: Path, num_rounds: int = 10, **config: object) -> Path:
    """Write what is there before the first round."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "config_digest": "0123456789abcdef",
        "num_rounds": num_rounds,
        "seed": 0,
        "training": {"epsilon": None},
        **config,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(document))
    (folder / "metrics.jsonl").write_text("")
    (folder / "events.jsonl").write_text("")
    return folder


def add_round(folder: Path, number: int, seconds: float = 1.0, **more: object) -> None:
    """Append a round of a duration."""
    row = {
        "round": number,
        "train_seconds": seconds / 2,
        "aggregate_seconds": seconds / 4,
        "evaluate_seconds": seconds / 4,
        **dict.fromkeys(("bytes_down", "bytes_up", "quarantined", "failed"), 0),
        **more,
    }
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def finish(folder: Path, evaluation: str = EVALUATION, **changes: object) -> None:
    """Write the result of an evaluation."""
    result = LEAST | {
        "evaluation_digest": evaluation,
        "robust_accuracy": {"pgd": {"0.1": 0.25}},
        "environment": {"python": "3"},
        "skipped_rounds": 0,
        "wall_seconds": 8.0,
        **changes,
    }
    (folder / "evaluations").mkdir(exist_ok=True)
    (folder / "model.keras").touch()
    text = json.dumps(result)
    (folder / "evaluations" / f"{evaluation}.json").write_text(text)
    (folder / "result.json").write_text(text)


def fail(folder: Path, reason: str, evaluation: str = EVALUATION) -> None:
    """Write the record of a failed attempt."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"config_digest": "x", "evaluation_digest": evaluation, "error": reason}
    (folder / f"error-{evaluation}.json").write_text(json.dumps(record))


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, as a running run does."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield
