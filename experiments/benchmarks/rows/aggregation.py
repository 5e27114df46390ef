"""Rules on one (50, 11,000,000) float32 matrix, here and in ByzFL and Flower."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.benchmarks.rows.byzfl import find_byzfl

N, D, F = 50, 11_000_000, 10
# ByzFL's NNM gathers an (n, n - f, d) array: 88 GB at 11 million.
D_NNM = 430_000


def updates(name: str) -> Any:
    """Draw the same updates for every side."""
    width = D_NNM if name == "nnm" else D
    return np.random.default_rng(0).standard_normal((N, width), np.float32)


def _measured(call: Callable[[], Any]) -> Any:
    def measure() -> Mapping[str, Any]:
        began = time.perf_counter()
        vector = np.asarray(call())
        seconds = time.perf_counter() - began
        sample = vector[..., :1000].astype(np.float64)
        return {"value": seconds, "work": {"norm": float(np.linalg.norm(sample))}}

    return measure


def ours(name: str) -> Any:
    """Apply the rule as a strategy does: BLAS on one thread, blocks on all cores."""
    from strategies.preaggregators import NNM
    from strategies.rules import GeometricMedian, Krum, Median, TrimmedMean

    matrix = updates(name)
    rules: dict[str, Any] = {
        "median": Median(),
        "trimmed_mean": TrimmedMean(f=F),
        "krum": Krum(f=F),
        # Like ByzFL: three smoothed steps from zeros.
        "geometric_median": GeometricMedian(iterations=3, nu=0.1, init="zeros"),
    }

    def call() -> Any:
        with threadpool_limits(limits=1, user_api="blas"):
            if name.startswith("nnm"):
                return NNM(f=F)(matrix)
            return rules[name](matrix).vector

    return _measured(call)


def byzfl_numpy(name: str) -> Any:
    """ByzFL on NumPy arrays."""
    return _measured(_byzfl(name, updates(name)))


def byzfl_torch(name: str) -> Any:
    """ByzFL on PyTorch tensors."""
    import torch

    torch.set_num_threads(2)
    return _measured(_byzfl(name, torch.from_numpy(updates(name))))


def _byzfl(name: str, matrix: Any) -> Callable[[], Any]:
    find_byzfl()
    from byzfl.aggregators import aggregators, preaggregators

    rules = {
        "median": lambda: aggregators.Median(),
        "trimmed_mean": lambda: aggregators.TrMean(f=F),
        "krum": lambda: aggregators.Krum(f=F),
        "geometric_median": lambda: aggregators.GeometricMedian(nu=0.1, T=3),
        "nnm": lambda: preaggregators.NNM(f=F),
    }
    rule = rules[name]()
    return lambda: rule(matrix)


def flower(name: str) -> Any:
    """Flower's functions on NumPy arrays, which its older strategies use."""
    from flwr.server.strategy import aggregate as legacy

    # One array for each client, all with the same weight.
    results = [([row], 1) for row in updates(name)]
    rules: dict[str, Callable[[], Any]] = {
        "median": lambda: legacy.aggregate_median(results),
        "trimmed_mean": lambda: legacy.aggregate_trimmed_avg(results, (F + 0.25) / N),
        "krum": lambda: legacy.aggregate_krum(results, F, 0),
    }
    return _measured(lambda: rules[name]()[0])
