"""The report of a round, for the record of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The keys event, round, client (None if it is not about one client) and reason.
Event = dict[str, Any]


@dataclass
class RoundReport:
    """What happened in one round.

    Attributes
    ----------
    sampled, accepted
        Ids of the clients that were sampled, and of those whose updates counted.
    quarantined
        Reasons by client id, for replies that were not well formed.
    failed
        Reasons by client id, for error replies and for clients that did not reply.
    skipped
        Why the global model stayed as it was, or None.
    train_seconds
        Wall clock seconds from the train messages to their replies.
    aggregate_seconds
        Wall clock seconds of screening, rule and server step.
    bytes_down, bytes_up
        Bytes of the serialised arrays in messages to clients, and in the replies that
        count.
    selected
        Ids of the clients that the rule selected; None for a rule that does not select.
    excluded
        Ids of the clients that the rule did not select, or gave less than half of an
        even weight; None for a rule that neither selects nor weights clients.
    postprocessed
        The figures of each postprocessor, in their order.
    metrics
        Median over the accepted clients of each metric that most of them report.
    evaluation
        Metrics of the clients' own evaluation, averaged over examples; None if no
        client evaluated.
    client_evaluation
        The metrics of each client's evaluation, by its id.
    """

    round: int
    sampled: list[int]
    accepted: list[int] = field(default_factory=list)
    quarantined: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    skipped: str | None = None
    train_seconds: float = 0.0
    aggregate_seconds: float = 0.0
    bytes_down: int = 0
    bytes_up: int = 0
    selected: list[int] | None = None
    excluded: list[int] | None = None
    postprocessed: list[Mapping[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    evaluation: dict[str, float] | None = None
    client_evaluation: dict[int, dict[str, float]] = field(default_factory=dict)
