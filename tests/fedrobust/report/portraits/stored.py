"""Runs with what portraits need, written to a folder."""

import json
from pathlib import Path

from tests.fedrobust.report.runs import write_run

NUMBERS = (
    *("bytes_down", "bytes_up", "quarantined", "failed"),
    *("train_seconds", "aggregate_seconds", "evaluate_seconds"),
)


def write(folder: Path, clean=0.9, robust=0.5, *, result=None, rounds=(), **config):
    """Write a run, and return its folder.

    Its result has the keys of ``result``, too, and its rounds those of ``rounds``.
    """
    before = {path.parent for path in folder.rglob("config.yaml")}
    write_run(folder, clean, robust, **config)
    (path,) = {found.parent for found in folder.rglob("config.yaml")} - before
    file = path / "evaluations" / "e.json"
    more = {"evaluation_digest": "e", "num_rounds": len(rounds) or 2}
    file.write_text(json.dumps(json.loads(file.read_text()) | more | (result or {})))
    lines = [
        json.dumps({**dict.fromkeys(NUMBERS, 0), **row, "round": number}) + "\n"
        for number, row in enumerate(rounds, start=1)
    ]
    if lines:
        (path / "metrics.jsonl").write_text("".join(lines))
    return path
