"""A row of metrics.jsonl: what a round took, whom it caught, what it scored."""

from collections.abc import Mapping
from statistics import median, pstdev
from typing import TYPE_CHECKING

from fedrobust.evaluation.scores import Scores
from fedrobust.record.folder import Json

if TYPE_CHECKING:
    from strategies.round_report import RoundReport


def round_row(
    report: "RoundReport",
    byzantine: list[int],
    chosen: Mapping[str, int | float] | None,
) -> Json:
    """Make a row of metrics.jsonl, before the evaluation.

    ``chosen`` is what colluding clients chose in the round, by name.
    """
    return {
        "round": report.round,
        **scored(None, 0.0),
        "train_seconds": report.train_seconds,
        "aggregate_seconds": report.aggregate_seconds,
        "bytes_down": report.bytes_down,
        "bytes_up": report.bytes_up,
        "sampled": report.sampled,
        "accepted": report.accepted,
        "selected": report.selected,
        "excluded": report.excluded,
        "byzantine": [client for client in report.sampled if client in byzantine],
        "collusion": None if chosen is None else dict(chosen),
        "detection": _detection(report, byzantine),
        "quarantined": len(report.quarantined),
        "failed": len(report.failed),
        "skipped": report.skipped,
        "federated": _federated(report),
        "train_metrics": report.metrics,
    }


def _detection(report: "RoundReport", byzantine: list[int]) -> Json | None:
    """Hold whom the rule left out or down-weighted against who is Byzantine.

    Precision is None when nobody was left out. There is neither for a rule that does
    not choose, nor where nobody who was accepted is Byzantine.
    """
    if report.excluded is None or not set(report.accepted) & set(byzantine):
        return None
    excluded = set(report.excluded)
    dishonest = set(report.accepted) & set(byzantine)
    caught = len(excluded & dishonest)
    return {
        "precision": caught / len(excluded) if excluded else None,
        "recall": caught / len(dishonest),
    }


def _federated(report: "RoundReport") -> Json | None:
    """Make what the clients' own evaluation says: average, median, worst, spread.

    The average is weighted by the examples that clients declare, as FedAvg's is: one
    client can own it, and the worst, but not the median. The worst client is that of
    each figure; the spread is the standard deviation over clients (n), each counted
    alike.
    """
    if report.evaluation is None:
        return None
    clients = report.client_evaluation
    by_figure = {
        name: [metrics[name] for metrics in clients.values() if name in metrics]
        for name in report.evaluation
        if name != "clients"
    }
    return {
        **_nested(report.evaluation),
        "clients": report.evaluation["clients"],
        "median_client": _nested({n: median(v) for n, v in by_figure.items()}),
        "worst_client": _nested({n: min(v) for n, v in by_figure.items()}),
        "spread": _nested({n: pstdev(v) for n, v in by_figure.items()}),
        "by_client": {
            str(client): _nested({n: m[n] for n in by_figure if n in m})
            for client, m in clients.items()
        },
    }


def _nested(flat: dict[str, float]) -> Json:
    """Give the clients' figures the form of the central ones."""
    nested: Json = {"clean_accuracy": flat.get("clean_accuracy"), "robust_accuracy": {}}
    for key, value in flat.items():
        head, _, rest = key.partition("/")
        if head == "robust_accuracy":
            name, _, epsilon = rest.rpartition("/")
            nested["robust_accuracy"].setdefault(name, {})[epsilon] = value
    return nested


def scored(scores: Scores | None, seconds: float) -> Json:
    """Make what an evaluation adds to a row of metrics.jsonl."""
    return {
        "clean_accuracy": scores.clean if scores else None,
        "robust_accuracy": scores.robust if scores else None,
        "backdoor_success": scores.backdoor_success if scores else None,
        "evaluate_seconds": seconds,
    }
