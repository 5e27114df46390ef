"""The result of a run, as it is written to result.json."""

from dataclasses import dataclass, field
from typing import Literal

from fedrobust.files import Json
from fedrobust.record.client_figures import Federated
from fedrobust.record.evaluation_result import EvaluationResult
from fedrobust.record.round_row import Detection


@dataclass(frozen=True, kw_only=True)
class Result(EvaluationResult):
    """The result of a run.

    Attributes
    ----------
    config_digest, data_digest, partition_digest
        Digests of the training's configuration, of the data, and of the partition.
    num_rounds
        Number of rounds.
    backdoor_success
        Share of the backdoor's victims that the model assigns to its target; None
        without a backdoor.
    federated
        The clients' own evaluation of the trained model; None without one.
    objective_clients
        Ids of the clients that train with the objective; None if all do.
    byzantine_clients
        Ids of the Byzantine clients; None if they are drawn anew in every round.
    detection
        Precision and recall, averaged over the rounds that have them.
    privacy
        What is claimed of the run's privacy, and on which terms; None without a
        mechanism.
    bytes_down, bytes_up, train_seconds
        Sums over the rounds.
    quarantined, failed
        Numbers of clients that did not count, summed over the rounds.
    skipped_rounds
        Number of rounds that did not change the global model.
    warnings
        Sentences that a reader of the numbers must know.
    earlier_seconds
        Duration of the training if an earlier call did it, else 0.
    evaluation_environment
        The environment of the evaluation, where ``environment`` is the training's.
    other_versions
        The recorded and the present version of each package that has changed.
    """

    config_digest: str
    data_digest: str | None = None
    partition_digest: str | None = None
    num_rounds: int
    backdoor_success: float | None = None
    federated: Federated | None = None
    objective_clients: list[int] | None = None
    byzantine_clients: list[int] | None = None
    detection: Detection | None = None
    privacy: Json | None = None
    bytes_down: int | None = None
    bytes_up: int | None = None
    train_seconds: float | None = None
    quarantined: int | None = None
    failed: int | None = None
    skipped_rounds: int = 0
    warnings: list[str] = field(default_factory=list)
    earlier_seconds: float = 0.0
    evaluation_environment: Json = field(default_factory=dict)
    other_versions: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a value that no run gives."""
        if self.num_rounds < 1:
            raise ValueError(f"num_rounds is {self.num_rounds}: must be at least 1")
        for client in (self.federated or {}).get("by_client", {}):
            if not (client.isascii() and client.isdigit()):
                raise ValueError(
                    f"federated.by_client has the client {client[:40]!r}: must be the "
                    "id of a client"
                )
        for name, both in self.other_versions.items():
            if len(both) != 2:
                raise ValueError(
                    f"other_versions.{name} has {len(both)} versions: must be the "
                    "recorded and the present one"
                )

    @property
    def doubts(self) -> str:
        """Failed checks and skipped rounds, in words; empty if there are none."""
        failed = self.failed_checks
        reasons = [f"failed {' '.join(failed)}"] if failed else []
        if self.skipped_rounds:
            reasons.append(f"{self.skipped_rounds} rounds skipped")
        return "; ".join(reasons)

    @property
    def megabytes_a_round(self) -> float | None:
        """Serialised arrays sent in both directions, in 10^6 bytes."""
        if self.bytes_down is None or self.bytes_up is None:
            return None
        return (self.bytes_down + self.bytes_up) / self.num_rounds / 1e6

    def over_clients(
        self, figure: Literal["worst_client", "median_client", "spread"]
    ) -> float | None:
        """Return a figure of the clients' clean accuracy.

        None if clients do not evaluate.
        """
        if self.federated is None:
            return None
        accuracy = self.federated.get(figure, {}).get("clean_accuracy")
        return None if accuracy is None else float(accuracy)
