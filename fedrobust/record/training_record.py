"""What is recorded beside the rounds of a training: training.json and events.jsonl."""

from dataclasses import dataclass, field

from fedrobust.files import Json


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """The metadata of a training; the fields are the keys of training.json.

    Earlier versions left out some keys, or the whole file.

    Attributes
    ----------
    environment
        What the bits of the training may depend on; empty if it was not recorded.
    num_rounds
        The number of rounds, which is smaller than configured if a limit ended the
        training; None if it was not recorded.
    evaluation_digest
        Of the evaluation that was to follow the last round.
    data_digest, partition_digest
        Of the data, and of which client holds which rows.
    warnings
        What must be known to read the numbers, except warnings about the attacks.
    """

    environment: Json = field(default_factory=dict)
    num_rounds: int | None = None
    evaluation_digest: str | None = None
    data_digest: str | None = None
    partition_digest: str | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RecordedEvent:
    """An event of a round; the fields are the keys of a line of events.jsonl.

    Attributes
    ----------
    event
        Its kind, such as ``quarantined``.
    round
        The round in which it happened; 0 before the first.
    client
        The client that it is about; None if it is not about one client.
    reason
        Why it happened, as one sentence.
    """

    event: str
    round: int | None = None
    client: int | None = None
    reason: str | None = None
