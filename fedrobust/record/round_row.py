"""A row of metrics.jsonl: the cost of a round, its exclusions and its scores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Self

from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json
from fedrobust.record.client_figures import Federated, client_figures

if TYPE_CHECKING:
    from strategies.round_report import RoundReport

# A federation of more clients does not fit into memory.
MOST_CLIENTS = 10**7


@dataclass(frozen=True)
class Detection:
    """Precision and recall of the rule's exclusions against the Byzantine clients.

    A client that the rule down-weights counts as excluded.

    Attributes
    ----------
    precision
        Byzantine share of the excluded clients; None if none was excluded.
    recall
        Excluded share of the accepted Byzantine clients.
    """

    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """One round of a run; the fields are the keys of metrics.jsonl.

    Attributes
    ----------
    round
        The round, from 1.
    clean_accuracy, robust_accuracy, backdoor_success
        Scores of the global model after the round, as in result.json; None if the round
        was not evaluated.
    loss
        Mean cross-entropy of the global model on the test images; None if the round was
        not evaluated, or an output is not finite.
    evaluate_seconds, train_seconds, aggregate_seconds
        Wall-clock seconds of the evaluation, from the train messages to their replies,
        and of screening, rule and server step.
    bytes_down, bytes_up
        Bytes of serialised arrays sent to clients, and of their replies that count.
    sampled, accepted, selected, excluded
        Client ids, as in :class:`strategies.round_report.RoundReport`.
    byzantine
        Ids of the sampled clients that are Byzantine.
    collusion
        The choices of the colluding clients by name; None if no clients colluded.
    detection
        None for a rule that excludes no clients, and if no accepted client is
        Byzantine.
    quarantined, failed
        Numbers of clients.
    skipped
        Why the global model did not change; None if the round was aggregated.
    federated
        The clients' own evaluation; None without one.
    epsilon_spent
        What all rounds so far have spent, as ``privacy.epsilon`` in result.json; None
        where no epsilon is claimed.
    postprocessed
        Figures of the postprocessors by name, such as the clipping norm. They are not
        protected by any noise.
    train_metrics
        Median of each reported metric over the accepted clients.
    """

    round: int
    clean_accuracy: float | None = None
    robust_accuracy: dict[str, dict[str, float]] | None = None
    backdoor_success: float | None = None
    loss: float | None = None
    evaluate_seconds: float
    train_seconds: float
    aggregate_seconds: float
    bytes_down: int
    bytes_up: int
    sampled: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    selected: list[int] | None = None
    excluded: list[int] | None = None
    byzantine: list[int] = field(default_factory=list)
    collusion: Json | None = None
    detection: Detection | None = None
    quarantined: int
    failed: int
    skipped: str | None = None
    federated: Federated | None = None
    epsilon_spent: float | None = None
    postprocessed: Json = field(default_factory=dict)
    train_metrics: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a client that no round has."""
        for name in ("sampled", "byzantine"):
            for client in getattr(self, name):
                if not 0 <= client < MOST_CLIENTS:
                    raise ValueError(
                        f"{name} has the client {client}: must be in "
                        f"[0, {MOST_CLIENTS})"
                    )
        if strange := set(self.byzantine).difference(self.sampled):
            raise ValueError(
                f"byzantine has the client {min(strange)}, which sampled has not"
            )

    def to_json(self) -> Json:
        """Return the round as a JSON object of metrics.jsonl."""
        return asdict(self)

    def with_scores(self, scores: Scores | None, seconds: float) -> Self:
        """Return the row with the scores of an evaluation, and its duration."""
        return replace(
            self,
            clean_accuracy=scores.clean if scores else None,
            robust_accuracy=scores.robust if scores else None,
            backdoor_success=scores.backdoor_success if scores else None,
            loss=scores.loss if scores else None,
            evaluate_seconds=seconds,
        )


def round_row(
    report: "RoundReport",
    byzantine: list[int],
    chosen: Mapping[str, int | float] | None,
) -> RoundRow:
    """Return the row of a round, before the evaluation.

    Parameters
    ----------
    report
        The strategy's report of the round.
    byzantine
        Ids of all clients that attack in the round.
    chosen
        The choices of the colluding clients by name; None if no clients collude.
    """
    return RoundRow(
        round=report.round,
        evaluate_seconds=0.0,
        train_seconds=report.train_seconds,
        aggregate_seconds=report.aggregate_seconds,
        bytes_down=report.bytes_down,
        bytes_up=report.bytes_up,
        sampled=report.sampled,
        accepted=report.accepted,
        selected=report.selected,
        excluded=report.excluded,
        byzantine=[client for client in report.sampled if client in byzantine],
        collusion=None if chosen is None else dict(chosen),
        detection=_detection(report, byzantine),
        quarantined=len(report.quarantined),
        failed=len(report.failed),
        skipped=report.skipped,
        federated=client_figures(report),
        postprocessed={k: v for part in report.postprocessed for k, v in part.items()},
        train_metrics=report.metrics,
    )


def _detection(report: "RoundReport", byzantine: list[int]) -> Detection | None:
    if report.excluded is None or not set(report.accepted) & set(byzantine):
        return None
    excluded = set(report.excluded)
    dishonest = set(report.accepted) & set(byzantine)
    caught = len(excluded & dishonest)
    return Detection(
        precision=caught / len(excluded) if excluded else None,
        recall=caught / len(dishonest),
    )
