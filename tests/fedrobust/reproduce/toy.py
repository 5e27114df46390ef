"""A small reproduction, and the command on it."""

from pathlib import Path

import pytest

from fedrobust.cli import main
from fedrobust.reproduce import load_reproduction

TOY = [
    "training=standard",
    "attack=none",
    "byzantine=none",
    "num_clients=4",
    "num_rounds=3",
    "evaluation.every=1",
]


def command(toy: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    from fedrobust.commands import reproduce as module

    monkeypatch.setattr(module, "experiments_folder", lambda: toy)
    monkeypatch.setattr(
        module, "load_reproduction", lambda name: load_reproduction(name, toy)
    )
    return main(["reproduce", "demo", "--runs", str(toy.parent / "runs"), *words])
