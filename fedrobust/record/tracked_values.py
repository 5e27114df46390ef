"""The figures and settings of a run as flat values, for sinks.

Values that are missing or not finite are left out: sinks store them differently, and
metrics.jsonl holds null for both.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from fedrobust.config import Config
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow

# Fields of a round and of a result that are numbers, or numbers by name.
OF_ROUND = (
    *("clean_accuracy", "robust_accuracy", "backdoor_success", "loss"),
    *("detection", "quarantined", "failed", "train_seconds", "aggregate_seconds"),
    *("evaluate_seconds", "bytes_down", "bytes_up", "postprocessed"),
)
OF_RESULT = (
    *("clean_accuracy", "robust_accuracy", "worst_robust_accuracy", "measures"),
    *("backdoor_success", "detection", "quarantined", "failed", "skipped_rounds"),
    *("wall_seconds", "earlier_seconds", "bytes_down", "bytes_up"),
)
# What clients measured themselves, without the figures of each.
OF_CLIENTS = ("median_client", "worst_client", "spread")
FINAL = "final"


def round_values(row: RoundRow) -> dict[str, float]:
    """Return the figures of a round, such as ``robust_accuracy/pgd/0.1``."""
    values = row.to_json()
    kept = {name: values[name] for name in OF_ROUND}
    kept["skipped"] = float(row.skipped is not None)
    kept["sampled"] = len(row.sampled)
    kept["train"] = row.train_metrics
    federated: Mapping[str, Any] = row.federated or {}
    kept["clients"] = {name: federated.get(name) for name in OF_CLIENTS}
    return dict(_numbers(kept))


def result_values(result: Result) -> dict[str, float]:
    """Return the figures of a result; all names begin with ``final/``."""
    values = result.to_json()
    kept = {name: values.get(name) for name in OF_RESULT}
    kept["failed_checks"] = len(result.failed_checks)
    return dict(_numbers(kept, FINAL))


def flat_config(config: Config) -> dict[str, str | int | float | bool]:
    """Return a configuration by dotted key, without empty nodes and the tracking.

    The name of a group, such as ``strategy``, has the choice that was made in it.
    """
    values = asdict(config)
    choices = {k: v for k, v in values.pop("choices").items() if k != "tracking"}
    del values["tracking"]
    return {**dict(_leaves(values)), **choices}


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _numbers(each, f"{name}/{key}" if name else str(key))
    elif isinstance(value, int | float) and math.isfinite(value):
        yield name, float(value)


def _leaves(
    node: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str | int | float | bool]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float | bool):
            yield prefix + key, value
        else:
            yield prefix + key, "null" if value is None else str(value)
