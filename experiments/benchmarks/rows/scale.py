"""Time and memory of one federation, in a process of its own."""

import resource
from collections.abc import Mapping
from typing import Any

from experiments.benchmarks.rows.ours import load, rounds


def federation(clients: str, sampled: str, hidden: str, num_rounds: str) -> Any:
    """Train MLPs on MNIST, with one step for each client and round."""
    config = load(
        "dataset=mnist",
        "model=mlp",
        f"model.hidden=[{hidden}]",
        "strategy=mean",
        "training.local_steps=1",
        f"num_clients={clients}",
        f"participation={int(sampled) / int(clients)}",
        f"num_rounds={num_rounds}",
    )

    def measure() -> Mapping[str, Any]:
        reports = rounds(config)
        seconds = [r.train_seconds + r.aggregate_seconds for r in reports]
        later = seconds[1:] or seconds
        return {
            "value": sum(later) / len(later),
            "seconds": seconds,
            "values": 784 * int(hidden) + 11 * int(hidden) + 10,
            "sampled": len(reports[-1].sampled),
            # The peak memory of the process, in MiB.
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

    return measure
