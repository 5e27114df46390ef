"""A row of metrics.jsonl: what a round took, whom it caught, what it scored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Self

from fedrobust.evaluation.scores import Scores
from fedrobust.files import Json
from fedrobust.record.client_figures import Federated, client_figures

if TYPE_CHECKING:
    from strategies.round_report import RoundReport


@dataclass(frozen=True)
class Detection:
    """Whom the rule left out or down-weighted, against who is Byzantine.

    Attributes
    ----------
    precision
        Byzantine share of the clients that were left out; None if nobody was.
    recall
        Share of the accepted Byzantine clients that were left out.
    """

    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """One round of a run; the fields are the keys of metrics.jsonl.

    Attributes
    ----------
    round
        Its number, from 1.
    clean_accuracy, robust_accuracy, backdoor_success
        Of the global model after the round, as in result.json; None if it was not
        evaluated then.
    evaluate_seconds, train_seconds, aggregate_seconds
        Wall clock of the evaluation, of the train messages until their replies, and of
        screening, rule and server step.
    bytes_down, bytes_up
        Bytes of serialised arrays sent to clients, and of their replies that count.
    sampled, accepted, selected, excluded
        Client ids, as in :class:`strategies.round_report.RoundReport`.
    byzantine
        Ids of the sampled clients that are Byzantine.
    collusion
        What colluding clients chose, by name; None if nobody colluded.
    detection
        None for a rule that does not choose, and where nobody accepted is Byzantine.
    quarantined, failed
        How many clients.
    skipped
        Why the global model was kept as it was; None if it was not.
    federated
        What the clients' own evaluation gave; None without one.
    train_metrics
        Median over accepted clients of what they report.
    """

    round: int
    clean_accuracy: float | None = None
    robust_accuracy: dict[str, dict[str, float]] | None = None
    backdoor_success: float | None = None
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
    train_metrics: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return what metrics.jsonl holds of the round."""
        return asdict(self)

    def with_scores(self, scores: Scores | None, seconds: float) -> Self:
        """Return the row with what an evaluation found, and how long it took."""
        return replace(
            self,
            clean_accuracy=scores.clean if scores else None,
            robust_accuracy=scores.robust if scores else None,
            backdoor_success=scores.backdoor_success if scores else None,
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
        What the strategy reports of the round.
    byzantine
        Ids of all clients that misbehave in it.
    chosen
        What colluding clients chose in the round, by name.
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
