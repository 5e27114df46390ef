"""Time until a run trains: the first run of a process, and later runs of a sweep."""

import time
from collections.abc import Mapping
from typing import Any

SMALL = ("num_clients=10", "num_rounds=1")


def imports() -> Any:
    """Measure the imports that the first run of a process needs."""

    def measure() -> Mapping[str, Any]:
        began = time.perf_counter()
        _import()
        return {"value": time.perf_counter() - began}

    return measure


def _import() -> None:
    from experiments.benchmarks.rows import ours  # noqa: F401
    from fedrobust import backend

    backend.start_tensorflow()
    import keras  # noqa: F401


def first_round() -> Any:
    """From the end of the imports to the end of round 1; digits, mlp."""
    _import()
    from experiments.benchmarks.rows.ours import load, rounds

    def measure() -> Mapping[str, Any]:
        began = time.perf_counter()
        rounds(load(*SMALL))
        return {"value": time.perf_counter() - began}

    return measure


def warm_run() -> Any:
    """Measure a later run of a sweep, without its round."""
    from experiments.benchmarks.rows.ours import load, rounds

    seeds = iter(range(1, 1000))

    def measure() -> Mapping[str, Any]:
        seed = next(seeds)
        began = time.perf_counter()
        (report,) = rounds(load(*SMALL, f"seed={seed}"))
        whole = time.perf_counter() - began
        return {"value": whole - report.train_seconds - report.aggregate_seconds}

    return measure
