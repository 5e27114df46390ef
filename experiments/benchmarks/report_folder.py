"""Write a folder as the largest sweep of conf/ leaves it, without training a model.

    python -m experiments.benchmarks.report_folder FOLDER

Configurations are those of ``experiment=byzantine``. Accuracies are those of its runs
in docs/results/byzantine/report.csv. Rounds are invented, so that the folder serves to
time and to test reports, and for nothing else.
"""

import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedrobust.config import Config
from fedrobust.config.compose import checked, compose_sweep
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

PUBLISHED = Path(__file__).parents[2] / "docs" / "results" / "byzantine" / "report.csv"


def write_folder(folder: Path) -> int:
    """Write every run of the sweep, and return their number."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = {
            (row["strategy"], row["byzantine"]): row for row in csv.DictReader(file)
        }
    number = 0
    for _, composed in compose_sweep(["experiment=byzantine"], None):
        config = checked(composed, None)
        choices = config.choices
        row = rows.get((choices["strategy"], choices["byzantine"]))
        if row is not None:
            _write_run(folder / config.digest, config, float(row["clean"]))
            number += 1
    return number


def _write_run(path: Path, config: Config, clean: float) -> None:
    run = RunFolder(path, config)
    run.open()
    for number in range(1, config.num_rounds + 1):
        run.add_round(_round(number, config, clean))
    result = Result(
        config_digest=config.digest,
        evaluation_digest=config.evaluation_digest,
        seed=config.seed,
        attack=asdict(config.attack),
        choices=config.choices,
        clean_accuracy=clean,
        worst_robust_accuracy={},
        num_evaluated=360,
        checks={},
        num_rounds=config.num_rounds,
        bytes_down=30_000_000,
        bytes_up=30_000_000,
        quarantined=0,
        failed=0,
        wall_seconds=4.0,
        warnings=sorted(config.notes),
        environment={"python": "3.11.7", "deterministic": True},
    )
    for place in (path / "evaluations" / f"{config.evaluation_digest}.json",
                  path / "result.json"):  # fmt: skip
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(result.to_json(), indent=2), encoding="utf-8")
    (path / "model.keras").touch()


def _round(number: int, config: Config, clean: float) -> RoundRow:
    clients: Any = [*range(config.num_clients)]
    return RoundRow(
        round=number,
        clean_accuracy=clean if config.is_evaluated(number) else None,
        robust_accuracy={} if config.is_evaluated(number) else None,
        evaluate_seconds=0.01,
        train_seconds=0.1,
        aggregate_seconds=0.01,
        bytes_down=1_000_000,
        bytes_up=1_000_000,
        sampled=clients,
        accepted=clients,
        byzantine=clients[: config.num_byzantine],
        quarantined=0,
        failed=0,
    )


if __name__ == "__main__":
    print(write_folder(Path(sys.argv[1])), "runs")
