"""Small whole runs, and what they leave compared bit by bit."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fedrobust.backend import keras
from fedrobust.config import Config

Configure = Callable[..., Config]


SMALL = (
    "num_clients=7",
    "num_rounds=2",
    "dataset.num_train=350",
    "partition=dirichlet",
    "attack=pgd",
    "attack.methods.pgd.steps=3",
    "attack.samples=50",
)
TINY = ("num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack.samples=20")


def weights(folder: Path) -> list[np.ndarray]:
    return [
        np.array(v) for v in keras.saving.load_model(folder / "model.keras").weights
    ]


def assert_same_bits(first: Path, second: Path) -> None:
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)
    rows = [
        [json.loads(line) for line in (folder / "metrics.jsonl").open()]
        for folder in (first, second)
    ]
    for a, b in zip(*rows, strict=True):
        for key in a:
            assert key.endswith("_seconds") or a[key] == b[key], key
    a, b = (json.loads((f / "result.json").read_text()) for f in (first, second))
    keys = ("clean_accuracy", "robust_accuracy", "checks", "config_digest", "measures")
    for key in keys:
        assert a[key] == b[key]
