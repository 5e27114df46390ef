"""The run directory, written so that a crash leaves every file intact.

config.yaml    the resolved configuration, with the digest of its science
metrics.jsonl  one row for each round
events.jsonl   quarantined and failed clients, skipped rounds
training.json  the environment, warnings and digests of the training
partition.json number of images of each class, by client
model.keras    the trained model
evaluations/   the result of each evaluation of the trained model
confusion/     the confusion matrices of each evaluation
examples/      images of each evaluation, clean and attacked
result.json    the result of the latest call
model_card.md  a description of the model for people
ro-crate-metadata.json  the provenance of all these, for machines
error-*.json   why an evaluation failed, until it succeeds
tracking.json  where the run was logged, if it is tracked
.lock          held by the process that uses the folder
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from errno import ENOSPC
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from fedrobust.config import Config
from fedrobust.config.digests import TRAINING_VERSION
from fedrobust.data.split import Split
from fedrobust.errors import FileError
from fedrobust.evaluation.scores import Scores
from fedrobust.files import (
    Json,
    append_line,
    check_writable,
    is_partial,
    locked,
    read_json,
    to_disk,
    to_json,
    write_atomically,
    writing,
)
from fedrobust.record.attempt import FailedAttempt, failed_attempt
from fedrobust.record.details import named, write_details, write_partition
from fedrobust.record.model_card import model_card
from fedrobust.record.ownership import LOCK, check_ownership
from fedrobust.record.result import Result
from fedrobust.record.ro_crate import NAME, now, ro_crate, times_in, times_until
from fedrobust.record.ro_crate_entities import CARD
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.training_record import RecordedEvent, TrainingRecord

# Folders with a file for each evaluation.
OF_EVALUATIONS = ("evaluations", "confusion", "examples")
# The event of an attempt that went before this one.
RESTARTED = "restarted"
START_AGAIN = "correct this, and start the run again"


class RunFolder:
    """The directory of one run.

    Parameters
    ----------
    path
        The directory, which ``open`` creates.
    config
        The experiment.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config
        self.stored = StoredRun(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock, which excludes all other processes and users.

        Half-written files of other processes are removed, and so is the folder if it is
        new and stays empty.

        Raises
        ------
        FileError
            When the folder cannot be written.
        """
        is_new = not self.path.exists()
        with locked(self.path / LOCK):
            try:
                for pattern in ("*", *(f"{name}/*" for name in OF_EVALUATIONS)):
                    for path in filter(is_partial, self.path.glob(pattern)):
                        path.unlink(missing_ok=True)
                yield
            finally:
                if is_new and [p.name for p in self.path.glob("*")] == [LOCK]:
                    (self.path / LOCK).unlink()
                    # A waiting process may have created the lock again.
                    with suppress(OSError):
                        self.path.rmdir()

    def check(self, chosen_by: str = "hydra.run.dir") -> None:
        """Refuse a folder of another experiment, and one that cannot be written.

        The folder of a finished run need not be writable.

        Parameters
        ----------
        chosen_by
            The key or the option with which the user can choose another folder.

        Raises
        ------
        ConfigError
            When the folder is refused; nothing in it is changed.
        """
        check_ownership(self.stored, self.config, chosen_by)

    def open(self) -> None:
        """Create the folder, or restart an unfinished training in it.

        The caller must hold the lock.
        """
        self.check()
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_config()
            if not self.is_trained:
                released = self._released_before()
                self.stored.metrics_path.write_text("")
                self.events_path.write_text("".join(released))

    def _released_before(self) -> list[str]:
        """Return events of interrupted attempts whose noise this one does not repeat.

        With noise that follows from the seed, it releases the same again.
        """
        if not self.config.privacy.get("secret_noise"):
            return []
        kept = []
        if self.events_path.exists():
            lines = self.events_path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if f'"{RESTARTED}"' in line]
        rounds = 0
        if self.stored.metrics_path.exists():
            rounds = len(self.stored.metrics_path.read_text().splitlines())
        if rounds:
            reason = f"an attempt ended after round {rounds}, and drew other noise"
            event = {"event": RESTARTED, "round": 0, "client": None, "reason": reason}
            kept.append(to_json(event) + "\n")
        return kept

    def clear(self) -> None:
        """Remove the files of the run, so that the next call trains a new model.

        Raises
        ------
        FileError
            When a file cannot be removed.
        """
        self.check()
        if not self.path.exists():
            return
        with self.locked(), self._writing():
            # The model is removed first, as without it no other file counts.
            names = [self.model_path.name, "evaluations/*.json", "result.json"]
            names += ["confusion/*.json", "examples/*.npz", "partition.json"]
            names += ["training.json", "*.jsonl", "error-*.json", NAME, CARD]
            for name in [*names, "tensorboard/*/events.out.tfevents.*"]:
                for path in self.path.glob(name):
                    path.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(self.path, START_AGAIN):
            yield

    def _config_text(self) -> str:
        identity = {
            "config_digest": self.config.digest,
            "digest_version": TRAINING_VERSION,
        }
        document = {**identity, **asdict(self.config)}
        return yaml.safe_dump(document, sort_keys=False)

    def _write_config(self) -> None:
        write_atomically(self.stored.config_path, self._config_text())

    @property
    def events_path(self) -> Path:
        """The file with one event, a JSON object, on each line."""
        return self.stored.events_path

    @property
    def model_path(self) -> Path:
        """The trained Keras model, which exists once training is done."""
        return self.stored.model_path

    @property
    def result_path(self) -> Path:
        """The result of the latest call."""
        return self.stored.result_path

    @property
    def tracking_path(self) -> Path:
        """The record of where the run was logged."""
        return self.path / "tracking.json"

    @property
    def is_trained(self) -> bool:
        """Whether training is done."""
        return self.stored.is_trained

    @property
    def _is_finished(self) -> bool:
        return self.stored.is_finished(self.config.evaluation_digest)

    def add_round(self, row: RoundRow) -> None:
        """Append a round to metrics.jsonl."""
        with self._writing():
            append_line(self.stored.metrics_path, to_json(row.to_json()))

    def score_last_round(self, scores: Scores | None, seconds: float) -> None:
        """Add scores of an evaluation to the last round's row if it has none."""
        rows = self.rounds()
        if rows[-1].clean_accuracy is None:
            rows[-1] = rows[-1].with_scores(scores, seconds)
            text = "".join(to_json(row.to_json()) + "\n" for row in rows)
            with self._writing():
                write_atomically(self.stored.metrics_path, text)

    def write_details(self, scores: Scores, names: Sequence[str] | None) -> None:
        """Write the details of an evaluation, before its result.

        Parameters
        ----------
        scores
            The scores of the trained model.
        names
            Names of the classes; None if they have none.
        """
        if scores.details is not None:
            with self._writing():
                digest = self.config.evaluation_digest
                write_details(self.path, digest, scores.details, names)

    def write_partition(
        self, clients: Sequence[NDArray[np.int64]], data: Split
    ) -> None:
        """Write the number of images of each class that each client holds."""
        names = named(data.class_names, data.num_classes)
        with self._writing():
            write_partition(self.stored.partition_path, clients, data.y_train, names)

    def add_event(self, event: Json) -> None:
        """Append an event to events.jsonl."""
        with self._writing():
            append_line(self.events_path, to_json(event))

    def rounds(self) -> list[RoundRow]:
        """Read metrics.jsonl after the last round; FileError if a round is missing."""
        trained = self.stored.training().num_rounds
        return self.stored.rounds(trained or self.config.num_rounds)

    def events(self) -> list[RecordedEvent]:
        """Read events.jsonl."""
        return self.stored.events()

    def training(self) -> TrainingRecord:
        """Read training.json; empty for runs of versions that did not write it."""
        return self.stored.training()

    def save_model(self, save: Any, training: TrainingRecord) -> None:
        """Save the model atomically, and the metadata of its training.

        Parameters
        ----------
        save
            Writes the model to the path that it is called with.
        training
            The environment, the warnings, and the digests of evaluation and data.

        Raises
        ------
        FileError
            When the model cannot be saved.
        """
        partial = self.path / f".model.{os.getpid()}.partial.keras"
        with self._writing():
            text = to_json(asdict(training), indent=2) + "\n"
            write_atomically(self.stored.training_path, text)
            try:
                save(partial)
            except Exception as error:
                partial.unlink(missing_ok=True)
                if _is_full(error):
                    raise OSError(ENOSPC, os.strerror(ENOSPC)) from error
                raise
            # The model marks the rounds as done, so they must reach the disk before it.
            for path in (partial, self.stored.metrics_path, self.events_path):
                to_disk(path)
            partial.replace(self.model_path)

    def result(self) -> Result | None:
        """Read the stored result of this evaluation; None if there is none.

        Raises
        ------
        FileError
            When its file cannot be read, or has another content.
        """
        if not self._is_finished:
            return None
        return self.stored.result(self.config.evaluation_digest)

    def is_settled(self, result: Result) -> bool:
        """Return whether ``write_result`` would change nothing, or could not write."""
        if self._holds(result):
            return True
        try:
            check_writable(self.path, "")
        except FileError:
            return True
        return False

    def _holds(self, result: Result) -> bool:
        expected = {
            self.stored.evaluation_path(result.evaluation_digest): result.to_text(),
            self.stored.config_path: self._config_text(),
            self.result_path: result.to_text(),
        }
        return (
            not any(map(is_partial, self.path.rglob(".*")))
            and not self.error_path.exists()
            and all(_has(path, text) for path, text in expected.items())
        )

    def write_result(self, result: Result, is_new: bool = False) -> None:
        """Store a result under its evaluation, and as the result of the latest call.

        Parameters
        ----------
        result
            The result.
        is_new
            Whether this call has evaluated the model. Then its description is written;
            otherwise that is only kept up to date.
        """
        path = self.stored.evaluation_path(result.evaluation_digest)
        with self._writing():
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, result.to_text())
            self._write_config()
            write_atomically(self.result_path, result.to_text())
            self.error_path.unlink(missing_ok=True)
            self._describe(result, is_new)

    def _describe(self, result: Result, is_new: bool) -> None:
        """Write the model card and, last of all, the provenance."""
        path, times = self.path / NAME, {}
        with suppress(FileError):
            times = times_in(read_json(path, ""), self.config)
        if is_new:
            times[result.evaluation_digest] = times_until(now(), result)
        if not times:
            # A run of an earlier version stays as it is.
            return
        write_atomically(self.path / CARD, model_card(self.config, result))
        crate = ro_crate(self.path, self.config, result, times)
        write_atomically(path, to_json(crate, indent=2) + "\n")

    @property
    def error_path(self) -> Path:
        """The record of the latest failure; it exists only if that attempt failed.

        Each evaluation has its own file, as jobs that differ only in the evaluation
        share a folder.
        """
        return self.path / f"error-{self.config.evaluation_digest}.json"

    @contextmanager
    def noting_failures(self) -> Iterator[None]:
        """Record an exception that is raised in the context, and raise it again."""
        try:
            yield
        except Exception as error:
            self.note_failure(error)
            raise

    def note_failure(self, error: Exception) -> None:
        """Record why this attempt failed, if the run has a folder."""
        attempt = failed_attempt(
            error, self.config.digest, self.config.evaluation_digest, self.error_path
        )
        # If the record cannot be written, the caller still reports the error.
        with suppress(OSError):
            if self.path.is_dir():
                attempt.write(self.error_path)

    def failure(self) -> str | None:
        """Return why the last attempt at this evaluation failed, or None."""
        if not self.error_path.is_file():
            return None
        return FailedAttempt.read(self.error_path, "remove it").error


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _is_full(error: Exception) -> bool:
    """Return whether HDF5 reports a full disk, which is not an OSError."""
    return f"errno = {ENOSPC}," in str(error)
