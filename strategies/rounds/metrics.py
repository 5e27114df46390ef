"""Metrics of clients, combined: by default robustly, or by a function of the user."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from flwr.app import MetricRecord, RecordDict

from strategies.screening import MalformedReplyError, Reply, screen_content

# The contents of replies and the name of their weight -> figures of the round.
MetricsFunction = Callable[[list[RecordDict], str], MetricRecord]


def shared_names(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names of the metrics that more than half of the clients report."""
    counts = Counter(name for m in metrics for name in m)
    return sorted(name for name, n in counts.items() if 2 * n > len(metrics))


def median_metrics(replies: list[Reply]) -> dict[str, float]:
    """Return the median of each metric, which no minority of the clients can set."""
    metrics = [reply.metrics for reply in replies]
    return {
        name: float(np.median([m[name] for m in metrics if name in m]))
        for name in shared_names(metrics)
    }


def average_metrics(
    results: Sequence[tuple[float, Mapping[str, float]]],
) -> dict[str, float]:
    """Return metrics averaged over the examples of the clients that report them.

    Parameters
    ----------
    results
        Examples and metrics of each client.

    Returns
    -------
    The metrics that most clients report, and ``clients``: how many there are.
    """
    averages: dict[str, float] = {"clients": len(results)}
    for name in shared_names([metrics for _, metrics in results]):
        if name in averages:
            continue  # a metric of a client may have the same name
        pairs = [(n, m[name]) for n, m in results if name in m]
        total = sum(n for n, _ in pairs)
        averages[name] = math.fsum(n / total * value for n, value in pairs)
    return averages


def combine_metrics(
    function: MetricsFunction,
    contents: Iterable[tuple[int, RecordDict]],
    bounds: tuple[float, float],
    weighted_by_key: str,
    on_refusal: Callable[[int | None, str], None],
) -> MetricRecord | None:
    """Let a function of the user combine the metrics of clients.

    Parameters
    ----------
    function
        Given the contents that are well formed, and the name of their weight. It may
        raise: clients can send it what it cannot combine.
    contents
        Client ids and contents of the replies, in the order of the ids.
    bounds
        Smallest and largest value of a metric.
    weighted_by_key
        Name of the metric that is a client's weight.
    on_refusal
        Called with the client and the reason where a content is left out, and with
        None and the reason where the function raises.

    Returns
    -------
    What the function returned; None where no content was left, or it raised.
    """
    replies = []
    for client, content in contents:
        try:
            replies.append(screen_content(content, bounds, weighted_by_key))
        except MalformedReplyError as error:
            on_refusal(client, str(error))
    if not replies:
        return None
    try:
        return function(replies, weighted_by_key)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        on_refusal(None, f"the metrics cannot be combined: {what}")
        return None
