"""The run directory, written so that a crash leaves every file whole.

config.yaml    the resolved configuration, with the digest of its science
metrics.jsonl  a row a round
events.jsonl   quarantined and failed clients, skipped rounds
training.json  the environment, warnings and digests of the training
model.keras    the trained model
evaluations/   a result for each way the trained model was evaluated
result.json    the result that was last asked for
error-*.json   why an attempt at an evaluation failed, until one succeeds
.lock          held by the process that is using the folder
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from errno import ENOSPC
from pathlib import Path
from typing import Any

import yaml

from fedrobust.config import Config
from fedrobust.config.digests import TRAINING_VERSION
from fedrobust.errors import ConfigError, FileError
from fedrobust.evaluation.scores import Scores
from fedrobust.files import (
    Json,
    append_line,
    check_writable,
    is_partial,
    locked,
    read_yaml,
    to_disk,
    to_json,
    write_atomically,
    writing,
)
from fedrobust.record.attempt import FailedAttempt, failed_attempt
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun

LOCK = ".lock"
# The version of the digests in folders that do not name one.
FIRST_VERSION = 3
START_AGAIN = "correct this, and start the run again"


class RunFolder:
    """The directory of one run.

    Parameters
    ----------
    path
        The directory; ``open`` makes it.
    config
        The experiment.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config
        self.stored = StoredRun(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock, which excludes every other process and user.

        Files that another process left half written are removed. A folder that is new
        and stays empty is removed, too.

        Raises
        ------
        FileError
            When the folder cannot be written.
        """
        is_new = not self.path.exists()
        with locked(self.path / LOCK):
            try:
                for pattern in ("*", "evaluations/*"):
                    for path in filter(is_partial, self.path.glob(pattern)):
                        path.unlink(missing_ok=True)
                yield
            finally:
                if is_new and [p.name for p in self.path.glob("*")] == [LOCK]:
                    (self.path / LOCK).unlink()
                    # A process that was waiting may have made the lock again.
                    with suppress(OSError):
                        self.path.rmdir()

    def check(self, chosen_by: str = "hydra.run.dir") -> None:
        """Refuse a folder of another experiment, and one that cannot be written.

        The folder of a finished run need not be writable.

        Parameters
        ----------
        chosen_by
            The key or the option by which the user can choose another.

        Raises
        ------
        ConfigError
            With the folder and the reason; nothing in the folder is changed.
        """
        digest, version = self._digest_there(chosen_by)
        if digest is not None and version != TRAINING_VERSION:
            raise ConfigError(
                f"{self.path} holds a run of {self._written_by()} with a digest of "
                f"version {version}, which cannot be compared with those of version "
                f"{TRAINING_VERSION}: choose another {chosen_by}"
            )
        if digest is not None and digest != self.config.digest:
            raise ConfigError(
                f"{self.path} holds another experiment ({digest}, not "
                f"{self.config.digest}): choose another {chosen_by}"
            )
        if digest is not None and self._is_finished:
            return
        check_writable(self.path, chosen_by)
        if digest is None and self.path.exists() and self._others_files():
            raise ConfigError(
                f"{self.path} is not empty and holds no run: choose another {chosen_by}"
            )

    def _others_files(self) -> list[Path]:
        """List the files that neither Hydra nor a failed attempt leaves behind."""
        return [
            path
            for path in self.path.iterdir()
            if not (is_partial(path) or _is_hydras(path) or _is_error(path))
            and path.name != LOCK
        ]

    def _digest_there(self, chosen_by: str) -> tuple[str | None, int]:
        """Return the digest of the run in the folder, and the version of digests."""
        path = self.stored.config_path
        try:
            if not path.exists():
                return None, TRAINING_VERSION
        except PermissionError:
            pass  # the error of reading it says more
        except OSError:
            return None, TRAINING_VERSION  # the error of writing it says more
        advice = f"restore it, or choose another {chosen_by}"
        head = read_yaml(path, advice)
        found = head.get("config_digest") if isinstance(head, dict) else None
        if not isinstance(found, str):
            raise FileError(
                f"{path} has no config_digest, so it is of no run; {advice}"
            )
        return found, head.get("digest_version", FIRST_VERSION)

    def _written_by(self) -> str:
        """Name the version of fedrobust that trained the run in the folder."""
        version = self.training().get("environment", {}).get("fedrobust")
        return "an earlier fedrobust" if version is None else f"fedrobust {version}"

    def open(self) -> None:
        """Make the folder; a training that did not finish in it starts over.

        The lock must be held.
        """
        self.check()
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_config()
            if not self.is_trained:
                self.stored.metrics_path.write_text("")
                self.events_path.write_text("")

    def clear(self) -> None:
        """Remove what the run left, so that the next call trains a new model.

        Raises
        ------
        FileError
            When a file cannot be removed.
        """
        self.check()
        if not self.path.exists():
            return
        with self.locked(), self._writing():
            # The model goes first: without it, no other file counts.
            names = [self.model_path.name, "evaluations/*.json", "result.json"]
            for name in [*names, "training.json", "*.jsonl", "error-*.json"]:
                for path in self.path.glob(name):
                    path.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(self.path, START_AGAIN):
            yield

    def _config_text(self) -> str:
        named = {
            "config_digest": self.config.digest,
            "digest_version": TRAINING_VERSION,
        }
        document = {**named, **asdict(self.config)}
        return yaml.safe_dump(document, sort_keys=False)

    def _write_config(self) -> None:
        write_atomically(self.stored.config_path, self._config_text())

    @property
    def events_path(self) -> Path:
        """A JSON object a line, one an event."""
        return self.stored.events_path

    @property
    def model_path(self) -> Path:
        """The trained Keras model; it is there once training is done."""
        return self.stored.model_path

    @property
    def result_path(self) -> Path:
        """The result that was last asked for."""
        return self.stored.result_path

    @property
    def is_trained(self) -> bool:
        """Whether training is done."""
        return self.model_path.is_file()

    @property
    def _is_finished(self) -> bool:
        path = self.stored.evaluation_path(self.config.evaluation_digest)
        return self.is_trained and path.is_file()

    def add_round(self, row: RoundRow) -> None:
        """Append a round to metrics.jsonl."""
        with self._writing():
            append_line(self.stored.metrics_path, to_json(row.to_json()))

    def score_last_round(self, scores: Scores | None, seconds: float) -> None:
        """Put what an evaluation found into the last round's row, once."""
        rows = self.rounds()
        if rows[-1].clean_accuracy is None:
            rows[-1] = rows[-1].with_scores(scores, seconds)
            text = "".join(to_json(row.to_json()) + "\n" for row in rows)
            with self._writing():
                write_atomically(self.stored.metrics_path, text)

    def add_event(self, event: Json) -> None:
        """Append an event to events.jsonl."""
        with self._writing():
            append_line(self.events_path, to_json(event))

    def rounds(self) -> list[RoundRow]:
        """Read metrics.jsonl after the last round; FileError if a round is missing."""
        return self.stored.rounds(self.config.num_rounds)

    def events(self) -> list[Json]:
        """Read events.jsonl."""
        return self.stored.events()

    def training(self) -> Json:
        """Read training.json; empty for runs of versions that did not write it."""
        return self.stored.training()

    def save_model(self, save: Any, training: Json) -> None:
        """Save the model atomically, and the metadata of its training.

        Parameters
        ----------
        save
            Called with the path to write to.
        training
            The environment, the warnings, the digests of the evaluation and the data.

        Raises
        ------
        FileError
            When the model cannot be saved.
        """
        partial = self.path / f".model.{os.getpid()}.partial.keras"
        with self._writing():
            text = to_json(training, indent=2) + "\n"
            write_atomically(self.stored.training_path, text)
            try:
                save(partial)
            except Exception as error:
                partial.unlink(missing_ok=True)
                if _is_full(error):
                    raise OSError(ENOSPC, os.strerror(ENOSPC)) from error
                raise
            # A model means that the rounds are done, so they must reach the disk first.
            for path in (partial, self.stored.metrics_path, self.events_path):
                to_disk(path)
            partial.replace(self.model_path)

    def result(self) -> Result | None:
        """Read the stored result of this evaluation; None if there is none.

        Raises
        ------
        FileError
            When its file cannot be read, or holds something else.
        """
        if not self._is_finished:
            return None
        return self.stored.result(self.config.evaluation_digest)

    def is_settled(self, result: Result) -> bool:
        """Whether ``write_result`` would change nothing, or could not write."""
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

    def write_result(self, result: Result) -> None:
        """Store a result under its evaluation, and as the one last asked for."""
        path = self.stored.evaluation_path(result.evaluation_digest)
        with self._writing():
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, result.to_text())
            self._write_config()
            write_atomically(self.result_path, result.to_text())
            self.error_path.unlink(missing_ok=True)

    @property
    def error_path(self) -> Path:
        """Why the last attempt at this evaluation failed; missing if it did not fail.

        Jobs that differ only in the evaluation share a folder, so each has a file.
        """
        return self.path / f"error-{self.config.evaluation_digest}.json"

    @contextmanager
    def noting_failures(self) -> Iterator[None]:
        """Keep why an attempt fails within."""
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
        # If this cannot be written, the caller still reports the error itself.
        with suppress(OSError):
            if self.path.is_dir():
                attempt.write(self.error_path)

    def failure(self) -> str | None:
        """Read why the last attempt at this evaluation failed; None if it did not."""
        if not self.error_path.is_file():
            return None
        return FailedAttempt.read(self.error_path, "remove it").error


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _is_full(error: Exception) -> bool:
    """Whether HDF5 reports a full disk, for which it has errors of its own."""
    return f"errno = {ENOSPC}," in str(error)


def _is_hydras(path: Path) -> bool:
    """Whether Hydra wrote the path for a job: its output_subdir, or its log."""
    return (path / "hydra.yaml").is_file() or path.suffix == ".log"


def _is_error(path: Path) -> bool:
    return path.match("error-*.json")
