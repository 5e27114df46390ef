"""Statistics over clients of their own evaluation of the global model."""

from statistics import median, pstdev
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from strategies.round_report import RoundReport


class Figures(TypedDict, total=False):
    """Accuracies in the form of the central ones; a figure that is NaN is None."""

    clean_accuracy: float | None
    robust_accuracy: dict[str, dict[str, float | None]]


class Federated(Figures, total=False):
    """What the clients' own evaluation gave, as a file holds it."""

    clients: float
    median_client: Figures
    worst_client: Figures
    spread: Figures
    by_client: dict[str, Figures]


def client_figures(report: "RoundReport") -> Federated | None:
    """Return the average, the median, the worst and the spread of each figure.

    The average is weighted by the number of examples that clients declare, as in
    FedAvg. A single dishonest client can therefore determine the average, and also the
    worst value, but not the median. Each figure has its own worst client. The spread is
    the unweighted standard deviation over clients (divided by n).
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


def _nested(flat: dict[str, float]) -> Figures:
    """Return flat figures in the nested form of the central evaluation."""
    robust: dict[str, dict[str, float | None]] = {}
    for key, value in flat.items():
        head, _, rest = key.partition("/")
        if head == "robust_accuracy":
            name, _, epsilon = rest.rpartition("/")
            robust.setdefault(name, {})[epsilon] = value
    return {"clean_accuracy": flat.get("clean_accuracy"), "robust_accuracy": robust}
