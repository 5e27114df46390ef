"""Reading a run folder: each file is checked, and refused in one sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fedrobust.errors import FileError
from fedrobust.files import (
    Json,
    read_json,
    read_json_lines,
)
from fedrobust.record.config_text import read_config
from fedrobust.record.details import (
    Confusion,
    Partition,
    confusion_path,
    examples_path,
    read_confusion,
    read_examples,
    read_partition,
)
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_config import ReadKeys
from fedrobust.record.training_record import RecordedEvent, TrainingRecord
from fedrobust.record.validation import EVALUATE_ANEW, TRAIN_ANEW, from_json

# Fields that a result must have, beside the required ones, for a run to return it.
REQUIRED_OF_RUNS = ("robust_accuracy", "skipped_rounds", "environment")


@dataclass(frozen=True)
class StoredRun:
    """The files of a run in its folder.

    Every method reads its file again, and raises FileError if the file cannot be read
    or has another content.

    Parameters
    ----------
    path
        The folder.
    """

    path: Path

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def metrics_path(self) -> Path:
        """The file with one round, a JSON object, on each line."""
        return self.path / "metrics.jsonl"

    @property
    def events_path(self) -> Path:
        """The file with one event, a JSON object, on each line."""
        return self.path / "events.jsonl"

    @property
    def training_path(self) -> Path:
        """The environment and the data of the training."""
        return self.path / "training.json"

    @property
    def partition_path(self) -> Path:
        """The number of images of each class, by client."""
        return self.path / "partition.json"

    @property
    def model_path(self) -> Path:
        """The trained Keras model, which exists once training is done."""
        return self.path / "model.keras"

    @property
    def result_path(self) -> Path:
        """The result of the latest call."""
        return self.path / "result.json"

    @property
    def is_trained(self) -> bool:
        """Whether training is done."""
        return self.model_path.is_file()

    def is_finished(self, digest: str) -> bool:
        """Whether training is done, and so is an evaluation."""
        return self.is_trained and self.evaluation_path(digest).is_file()

    def evaluation_path(self, digest: str) -> Path:
        """Return the file of an evaluation's result."""
        return self.path / "evaluations" / f"{digest}.json"

    def evaluation_paths(self) -> list[Path]:
        """List the files of all evaluations' results, the newest first."""
        return sorted(
            self.path.glob("evaluations/*.json"),
            key=lambda path: (-_written_at(path), path),
        )

    def config(self, advice: str) -> Json | None:
        """Read the configuration; None if config.yaml does not belong to a run."""
        config: Any = read_config(self.config_path, advice)
        if not isinstance(config, dict) or config.get("config_digest") is None:
            return None
        from_json(ReadKeys, config, self.config_path, advice)
        return dict(config)

    def result(self, digest: str | None = None) -> Result:
        """Read the result of an evaluation; without a digest, that of the latest call.

        It has all fields that a run returns.
        """
        path = self.result_path if digest is None else self.evaluation_path(digest)
        values = read_json(path, EVALUATE_ANEW)
        return Result.from_json(values, path, EVALUATE_ANEW, REQUIRED_OF_RUNS)

    def rounds(self, num_rounds: int, advice: str = TRAIN_ANEW) -> list[RoundRow]:
        """Read metrics.jsonl of a finished training: every round once, in order."""
        rows = [
            from_json(RoundRow, values, where, advice)
            for where, values in _lines(self.metrics_path, advice)
        ]
        rounds = [row.round for row in rows]
        if rounds != [*range(1, num_rounds + 1)]:
            twice = sorted({round for round in rounds if rounds.count(round) > 1})
            content = f"rounds {twice} more than once" if twice else f"rounds {rounds}"
            raise FileError(
                f"{self.metrics_path} has {content[:60]}: must have each from 1 to "
                f"{num_rounds} once, in order; {advice}"
            )
        return rows

    def events(self, advice: str = TRAIN_ANEW) -> list[RecordedEvent]:
        """Read events.jsonl."""
        return [
            from_json(RecordedEvent, found, where, advice)
            for where, found in _lines(self.events_path, advice)
        ]

    def training(self) -> TrainingRecord:
        """Read training.json; empty for runs of versions that did not write it."""
        if not self.training_path.is_file():
            return TrainingRecord()
        found = read_json(self.training_path, TRAIN_ANEW)
        return from_json(TrainingRecord, found, self.training_path, TRAIN_ANEW)

    def confusion(self, digest: str) -> Confusion | None:
        """Read an evaluation's confusion matrices; None if they were not recorded."""
        return read_confusion(confusion_path(self.path, digest))

    def examples(self, digest: str) -> dict[str, NDArray[Any]] | None:
        """Read an evaluation's examples; None if they were not recorded."""
        return read_examples(examples_path(self.path, digest))

    def partition(self) -> Partition | None:
        """Read the images of each client by class; None if they were not recorded."""
        return read_partition(self.partition_path)


def _written_at(path: Path) -> float:
    """Return when a file was written; 0 for one that is gone or a broken link."""
    try:
        return path.stat().st_mtime
    except OSError:
        # Whoever reads it says why it cannot be read.
        return 0.0


def _lines(path: Path, advice: str) -> Iterator[tuple[str, Json]]:
    """Yield the JSON object of each line, with its place for error messages."""
    for number, values in enumerate(read_json_lines(path, advice), start=1):
        yield f"{path}, line {number}", values
