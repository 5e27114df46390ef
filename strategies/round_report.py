"""What happened in a round, for whoever records it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# An event, its round, the client if it is one client's, and the reason.
Event = dict[str, Any]


@dataclass
class RoundReport:
    """What happened in one round, for whoever records it.

    Attributes
    ----------
    sampled, accepted
        Client ids asked, and client ids whose update counted.
    quarantined
        Reason by client id, for replies that were not well formed.
    failed
        Reason by client id, for error replies and for clients that did not answer.
    skipped
        Why the global model was kept as it was, or None.
    train_seconds
        Wall clock from the train messages to their replies.
    aggregate_seconds
        Wall clock of screening, rule and server step.
    bytes_down, bytes_up
        Bytes of serialised arrays sent to clients, and of their replies that count.
    selected
        Client ids that the rule selected, where it selects.
    excluded
        Client ids that the rule did not select, or gave less than half of an even
        weight; None for a rule that neither selects nor weights clients.
    postprocessed
        The figures of each postprocessor, in their order.
    metrics
        Median over accepted clients of each metric that most of them report.
    evaluation
        What the clients' own evaluation gave, averaged over examples; None without.
    client_evaluation
        The same of each client, by its id.
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
