"""What runs leave behind, written for reports."""

import json
from collections.abc import Collection
from pathlib import Path

import yaml

from fedrobust.report import Runs, collect
from fedrobust.report.build import content
from fedrobust.report.content import Content
from fedrobust.report.markdown import markdown


def write_run(
    folder: Path,
    clean: float,
    robust: float | dict[str, float],
    *,
    objective: dict | None = None,
    images: int = 100,
    failed: bool = False,
    more: dict | None = None,
    digest: str | None = None,
    **config,
) -> None:
    """Write what a run leaves; ``config`` are choices, and the seed.

    Its folder and its digest are named by what was chosen, unless ``digest`` is given.
    """
    seed = config.pop("seed", 0)
    worst = robust if isinstance(robust, dict) else {"0.1": robust}
    name = "-".join([*map(str, config.values()), str(seed)])
    name += "".join(map(str, (more or {}).values()))
    name = digest or name
    path = folder / name
    path.mkdir(parents=True)
    choices = {"training": "standard", "byzantine": "none", "strategy": "fedavg"}
    document = {
        "config_digest": name,
        "seed": seed,
        "partition": {"seed": seed, "alpha": 1.0},
        "dataset": {"num_classes": 10},
        "training": {"epsilon": config.pop("epsilon", None), "objective": objective},
        "choices": {**choices, **config},
        **(more or {}),
    }
    (path / "config.yaml").write_text(yaml.safe_dump(document))
    result = {
        "config_digest": name,
        "seed": seed,
        "num_rounds": 2,
        "clean_accuracy": clean,
        "worst_robust_accuracy": worst,
        "num_evaluated": images,
        "checks": {
            "within_ball": {"status": "fail" if failed else "pass"},
            "other": {"status": "not_run"},
        },
        "bytes_down": 2_000_000,
        "bytes_up": 2_000_000,
        "wall_seconds": 1.0,
    }
    result |= {"attack": {"epsilon": 0.1}, "choices": document["choices"]}
    (path / "evaluations").mkdir()
    (path / "evaluations" / "e.json").write_text(json.dumps(result))


def write_rounds(folder: Path, accuracies: list[float]) -> Path:
    """Write metrics.jsonl of the one run in a folder."""
    (config,) = folder.rglob("config.yaml")
    path = config.with_name("metrics.jsonl")
    counts = dict.fromkeys(("bytes_down", "bytes_up", "quarantined", "failed"), 0)
    parts = ("train_seconds", "aggregate_seconds", "evaluate_seconds")
    rows = [
        {"round": r, "clean_accuracy": a, **counts, **dict.fromkeys(parts, 0.0)}
        for r, a in enumerate(accuracies, start=1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def content_of(runs: Runs) -> Content:
    """Return the report of runs without its figures."""
    return content(runs, "runs", "fedrobust report runs", [], Path("runs"))


def report_text(folder: Path | Runs, digests: Collection[str] | None = None) -> str:
    """Return the report of a folder, or of runs, as Markdown without its figures."""
    runs = folder if isinstance(folder, Runs) else collect(folder, digests)
    return markdown(content_of(runs), {})


def change_result(folder: Path, name: str, **values) -> None:
    """Change entries of the result of a run, whose folder has a name."""
    (path,) = (folder / name / "evaluations").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
