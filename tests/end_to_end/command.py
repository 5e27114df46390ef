"""The command `fedrobust` in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

SMALL = [
    "num_clients=6",
    "num_rounds=2",
    "dataset.num_train=300",
    "attack=pgd",
    "attack.methods.pgd.steps=2",
    "attack.samples=40",
]

Typed = subprocess.CompletedProcess[str]


def fedrobust(*arguments: str, cwd: Path, **environment: str) -> Typed:
    return subprocess.run(
        [sys.executable, "-m", "fedrobust", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
