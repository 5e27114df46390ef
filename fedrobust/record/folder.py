"""The run directory: what a run leaves behind, written so that a crash tears nothing.

config.yaml    the resolved configuration, with the digest of its science
metrics.jsonl  a row a round
events.jsonl   quarantined and failed clients, skipped rounds
training.json  where it was trained, what was warned of, how it was to be evaluated
model.keras    the trained model
evaluations/   a result for each way the trained model was evaluated
result.json    the result that was asked for last
error-*.json   why an attempt at an evaluation failed, until one succeeds
.lock          held by the process that works here
"""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from errno import ENOSPC
from pathlib import Path
from typing import Any

import yaml

from fedrobust.config import Config
from fedrobust.errors import ConfigError, FileError, OtherDataError, summary_of
from fedrobust.files import (
    Json,
    append_line,
    check_writable,
    is_partial,
    locked,
    read_json,
    read_yaml,
    replacing,
    to_disk,
    to_json,
    write_atomically,
    writing,
)
from fedrobust.record.validation import (
    read_events,
    read_metrics,
    read_own_result,
    read_training,
)

__all__ = [
    "Json",
    "RunFolder",
    "check_writable",
    "replacing",
    "to_json",
    "write_atomically",
    "writing",
]

LOCK = ".lock"
START_AGAIN = "see to it, and start the run again"


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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time work here, whatever its user and TMPDIR.

        What other processes left half written is removed. A folder in which nothing
        came to be is removed again.

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
                    # Somebody who waited may have made the lock anew.
                    with suppress(OSError):
                        self.path.rmdir()

    def check(self, chosen_by: str = "hydra.run.dir") -> None:
        """Refuse a folder of another experiment, and one that cannot be written.

        A finished run may be where nobody can write.

        Parameters
        ----------
        chosen_by
            The key or the option by which the user can choose another.

        Raises
        ------
        ConfigError
            With the folder and the reason; nothing in it was touched.
        """
        digest = self._digest_there(chosen_by)
        if digest is not None and digest not in self.config.digests:
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
        """List what neither Hydra nor an attempt that came to nothing leaves."""
        return [
            path
            for path in self.path.iterdir()
            if not (is_partial(path) or _is_hydras(path) or _is_error(path))
            and path.name != LOCK
        ]

    def _digest_there(self, chosen_by: str) -> str | None:
        path = self.path / "config.yaml"
        try:
            if not path.exists():
                return None
        except PermissionError:
            pass  # reading tells more
        except OSError:
            return None  # trying to write tells more
        advice = f"restore it, or choose another {chosen_by}"
        head = read_yaml(path, advice)
        found = head.get("config_digest") if isinstance(head, dict) else None
        if not isinstance(found, str):
            raise FileError(f"{path} has no config_digest, as of no run; {advice}")
        return found

    def open(self) -> None:
        """Make the folder; a training that did not finish there starts over.

        The lock must be held.
        """
        self.check()
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_config()
            if not self.is_trained:
                self.metrics_path.write_text("")
                self.events_path.write_text("")

    def clear(self) -> None:
        """Remove what the run left, so that it is trained anew.

        Raises
        ------
        FileError
            When that is not possible.
        """
        self.check()
        if not self.path.exists():
            return
        with self.locked(), self._writing():
            # Without the model nothing else counts.
            names = [self.model_path.name, "evaluations/*.json", "result.json"]
            for name in [*names, "training.json", "*.jsonl", "error-*.json"]:
                for path in self.path.glob(name):
                    path.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(self.path, START_AGAIN):
            yield

    def _config_text(self) -> str:
        document = {"config_digest": self.config.digest, **asdict(self.config)}
        return yaml.safe_dump(document, sort_keys=False)

    def _write_config(self) -> None:
        write_atomically(self.path / "config.yaml", self._config_text())

    @property
    def metrics_path(self) -> Path:
        """A JSON object a line, one a round."""
        return self.path / "metrics.jsonl"

    @property
    def events_path(self) -> Path:
        """A JSON object a line, one an event."""
        return self.path / "events.jsonl"

    @property
    def model_path(self) -> Path:
        """The trained Keras model; it is there once training is done."""
        return self.path / "model.keras"

    @property
    def result_path(self) -> Path:
        """The result that was asked for last."""
        return self.path / "result.json"

    @property
    def is_trained(self) -> bool:
        """Whether training is done."""
        return self.model_path.is_file()

    @property
    def _is_finished(self) -> bool:
        return self.is_trained and self._evaluation_path.is_file()

    def add_metrics(self, row: Json) -> None:
        """Append a row to metrics.jsonl."""
        with self._writing():
            append_line(self.metrics_path, to_json(row))

    def score_last_metrics(self, row: Json) -> None:
        """Put what an evaluation found into the last round's row, once."""
        rows = self.metrics()
        last = rows[-1]
        if last["clean_accuracy"] is None:
            last |= row
            text = "".join(to_json(each) + "\n" for each in rows)
            with self._writing():
                write_atomically(self.metrics_path, text)

    def add_event(self, event: Json) -> None:
        """Append an event to events.jsonl."""
        with self._writing():
            append_line(self.events_path, to_json(event))

    def metrics(self) -> list[Json]:
        """Read metrics.jsonl after the last round; FileError where a round is amiss."""
        return read_metrics(self.metrics_path, self.config.num_rounds)

    def events(self) -> list[Json]:
        """Read events.jsonl."""
        return read_events(self.events_path)

    @property
    def _training_path(self) -> Path:
        return self.path / "training.json"

    def training(self) -> Json:
        """Read what ``save_model`` was told; empty for runs from before it was kept."""
        return read_training(self._training_path)

    def save_model(self, save: Any, training: Json) -> None:
        """Save the model as a whole, and what is to be known of its training.

        Parameters
        ----------
        save
            Is given the path to write to.
        training
            The environment, the warnings, the digests of the evaluation and the data.

        Raises
        ------
        FileError
            When it cannot be saved.
        """
        partial = self.path / f".model.{os.getpid()}.partial.keras"
        with self._writing():
            write_atomically(self._training_path, to_json(training, indent=2) + "\n")
            try:
                save(partial)
            except Exception as error:
                partial.unlink(missing_ok=True)
                if _is_full(error):
                    raise OSError(ENOSPC, os.strerror(ENOSPC)) from error
                raise
            # With the model there, the rounds count as done: they must be there too.
            for path in (partial, self.metrics_path, self.events_path):
                to_disk(path)
            partial.replace(self.model_path)

    @property
    def _evaluation_path(self) -> Path:
        """Where the result of this evaluation is, by its newest name if it is not."""
        names = self.config.evaluation_digests
        paths = [self.path / "evaluations" / f"{name}.json" for name in names]
        return next((path for path in paths if path.is_file()), paths[0])

    def result(self) -> Json | None:
        """Read the result of this evaluation, if it was made before.

        Raises
        ------
        FileError
            When its file holds something else.
        """
        if not self._is_finished:
            return None
        return {
            **read_own_result(self._evaluation_path),
            "config_digest": self.config.digest,
            "evaluation_digest": self.config.evaluation_digest,
        }

    def is_settled(self, result: Json) -> bool:
        """Whether ``write_result`` would change nothing, or could not."""
        if self._holds(result):
            return True
        try:
            check_writable(self.path, "")
        except FileError:
            return True
        return False

    def _holds(self, result: Json) -> bool:
        text = to_json(result, indent=2) + "\n"
        expected = {
            self.path / "evaluations" / f"{self.config.evaluation_digest}.json": text,
            self.path / "config.yaml": self._config_text(),
            self.result_path: text,
        }
        return (
            not any(map(is_partial, self.path.rglob(".*")))
            and not self.error_path.exists()
            and all(_has(path, text) for path, text in expected.items())
        )

    def write_result(self, result: Json) -> None:
        """Keep a result under its evaluation, and as the one asked for last."""
        text = to_json(result, indent=2) + "\n"
        path = self.path / "evaluations" / f"{self.config.evaluation_digest}.json"
        with self._writing():
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, text)
            self._write_config()
            write_atomically(self.result_path, text)
            self.error_path.unlink(missing_ok=True)

    @property
    def error_path(self) -> Path:
        """Why the last attempt at this evaluation failed; there is none if it did not.

        Jobs that differ in the evaluation have one folder, and a file each.
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
        """Keep why this attempt failed, where there is a folder of the run."""
        reason = f"{type(error).__name__}: {summary_of(error)}"
        kept = {
            "config_digest": self.config.digest,
            "evaluation_digest": self.config.evaluation_digest,
            "error": str(error) if isinstance(error, ConfigError) else reason,
            "refused_results": self._refused_by(error),
            "traceback": traceback.format_exception(error),
        }
        # Where nothing can be written, the error itself is still told.
        with suppress(OSError):
            if self.path.is_dir():
                write_atomically(self.error_path, to_json(kept, indent=2) + "\n")

    def _refused_by(self, error: Exception) -> list[str]:
        """List the evaluations whose results do not count, as the data are others.

        An attempt that failed before it could compare the data clears nobody.
        """
        if isinstance(error, OtherDataError):
            return list(self.config.evaluation_digests)
        with suppress(FileError):
            before = read_json(self.error_path, "").get("refused_results")
            return before if isinstance(before, list) else []
        return []

    def failure(self) -> str | None:
        """Read why the last attempt at this evaluation failed; None where none did."""
        if not self.error_path.is_file():
            return None
        return str(read_json(self.error_path, "remove it").get("error"))


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _is_full(error: Exception) -> bool:
    """Whether HDF5 met a full disk, of which it tells by errors of its own, too."""
    return f"errno = {ENOSPC}," in str(error)


def _is_hydras(path: Path) -> bool:
    """Whether Hydra wrote it for a job: its output_subdir, or its log."""
    return (path / "hydra.yaml").is_file() or path.suffix == ".log"


def _is_error(path: Path) -> bool:
    return path.match("error-*.json")
