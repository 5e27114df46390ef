"""A run as sinks are told of it."""

from dataclasses import replace
from pathlib import Path

from fedrobust.tracking import TrackedRun

CONFIG = {"seed": 3, "training.lr": 0.1, "strategy": "krum", "byzantine.on": True}


def tracked(folder: Path, **changes) -> TrackedRun:
    """Return a run whose folder has the files of a finished one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text("seed: 3\n")
    (folder / "result.json").write_text("{}\n")
    run = TrackedRun(
        name="digits krum seed=3",
        folder=folder,
        config=CONFIG,
        text="seed: 3\nname: <script>alert(1)</script>\n",
        config_digest="0123456789abcdef",
        evaluation_digest="fedcba9876543210",
        seed=3,
        num_rounds=2,
    )
    return replace(run, **changes)
