"""The run directory: what a run leaves behind, written so that a crash tears nothing.

config.yaml    the resolved configuration, with the digest of its science
metrics.jsonl  a row a round
events.jsonl   quarantined and failed clients, skipped rounds
training.json  where it was trained, what was warned of, how it was to be evaluated
model.keras    the trained model
evaluations/   a result for each way the trained model was evaluated
result.json    the result that was asked for last
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml
from filelock import FileLock

from fedrobust.config import Config
from fedrobust.errors import ConfigError

Json = dict[str, Any]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which replaces another as a whole once it is written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, text: str) -> None:
    """Replace a file of text as a whole."""
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def writing(path: Path, advice: str) -> Iterator[None]:
    """Say what cannot be written, and what to do about it.

    Raises
    ------
    ConfigError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}; {advice}") from error


def _is_partial(path: Path) -> bool:
    """Tell whether a file is one that was to replace another."""
    return path.name.startswith(".") and ".partial" in path.suffixes


def _is_hydras(path: Path) -> bool:
    """Tell whether Hydra wrote it for a job: its output_subdir, or its log."""
    return (path / "hydra.yaml").is_file() or path.suffix == ".log"


def _to_disk(path: Path) -> None:
    """Wait until the disk holds a file, so that a power failure does not tear it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _jsonable(value: Any) -> Any:
    """Write a number that JSON has not as null, and NumPy's as Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    return [_jsonable(v) for v in value] if isinstance(value, list | tuple) else value


def to_json(value: Any, indent: int | None = None) -> str:
    """Write strict JSON."""
    return json.dumps(_jsonable(value), indent=indent, allow_nan=False)


def lock_for(path: Path) -> FileLock:
    """Give the lock that lets one process of this machine at a time work on a path."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir())
    return FileLock(folder / f"fedrobust-{os.getuid()}-{name}.lock")


def check_writable(path: Path, chosen_by: str) -> None:
    """Refuse a folder in which, or where, nothing can be made.

    Raises
    ------
    ConfigError
        With the key or the option by which the user can choose another.
    """
    ancestor = path.absolute()
    while not ancestor.exists():
        ancestor = ancestor.parent
    # Trying tells more than asking: of read-only disks, and of root's rights.
    with (
        writing(path, f"choose another {chosen_by}"),
        tempfile.TemporaryFile(dir=ancestor),
    ):
        pass


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

    def lock(self) -> FileLock:
        """Give the lock that lets one process of this machine at a time run here."""
        return lock_for(self.path)

    def check(self, chosen_by: str = "hydra.run.dir") -> None:
        """Refuse a folder of another experiment, and one that cannot be written.

        Parameters
        ----------
        chosen_by
            The key or the option by which the user can choose another.

        Raises
        ------
        ConfigError
            With the folder and the reason; nothing in it was touched.
        """
        digest = self._digest_there()
        if digest is not None and digest != self.config.digest:
            raise ConfigError(
                f"{self.path} holds another experiment ({digest}, not "
                f"{self.config.digest}): choose another {chosen_by}"
            )
        check_writable(self.path, chosen_by)
        if digest is None and self.path.exists() and self._others_files():
            raise ConfigError(
                f"{self.path} is not empty and holds no run: choose another {chosen_by}"
            )

    def _others_files(self) -> list[Path]:
        """List what neither Hydra nor an interrupted run leaves before its files."""
        return [
            path
            for path in self.path.iterdir()
            if not (_is_partial(path) or _is_hydras(path))
        ]

    def _digest_there(self) -> str | None:
        path = self.path / "config.yaml"
        try:
            head = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        found = head.get("config_digest") if isinstance(head, dict) else None
        return str(found)

    def open(self) -> None:
        """Make the folder; a training that did not finish there starts over.

        The lock must be held: what other processes left half written is removed.
        """
        self.check()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for pattern in ("*", "evaluations/*"):
                for path in filter(_is_partial, self.path.glob(pattern)):
                    path.unlink()
            self._write_config()
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error}") from error
        if not self.is_trained:
            self.metrics_path.write_text("")
            self.events_path.write_text("")

    def _write_config(self) -> None:
        document = {"config_digest": self.config.digest, **asdict(self.config)}
        write_atomically(
            self.path / "config.yaml", yaml.safe_dump(document, sort_keys=False)
        )

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
    def is_trained(self) -> bool:
        """Tell whether training is done."""
        return self.model_path.is_file()

    def add_metrics(self, row: Json) -> None:
        """Append a row to metrics.jsonl."""
        _append(self.metrics_path, row)

    def score_last_metrics(self, row: Json) -> None:
        """Put what an evaluation found into the last round's row, once."""
        rows = self.metrics()
        last = rows[-1] if rows else {}
        is_last = last.get("round") == self.config.num_rounds
        if is_last and last["clean_accuracy"] is None:
            last |= row
            text = "".join(to_json(each) + "\n" for each in rows)
            write_atomically(self.metrics_path, text)

    def add_event(self, event: Json) -> None:
        """Append an event to events.jsonl."""
        _append(self.events_path, event)

    def metrics(self) -> list[Json]:
        """Read metrics.jsonl."""
        return _lines(self.metrics_path)

    def events(self) -> list[Json]:
        """Read events.jsonl."""
        return _lines(self.events_path)

    @property
    def _training_path(self) -> Path:
        return self.path / "training.json"

    def training(self) -> Json:
        """Read what ``save_model`` was told; nothing of a run from before it was."""
        if not self._training_path.is_file():
            return {}
        found: Json = json.loads(self._training_path.read_text(encoding="utf-8"))
        return found

    def save_model(self, save: Any, training: Json) -> None:
        """Save the model as a whole, and what is to be known of its training.

        Parameters
        ----------
        save
            Is given the path to write to.
        training
            The environment, the warnings, the digests of the evaluation and the data.
        """
        write_atomically(self._training_path, to_json(training, indent=2) + "\n")
        partial = self.path / f".model.{os.getpid()}.partial.keras"
        save(partial)
        # With the model there, the rounds count as done: they must be there too.
        for path in (partial, self.metrics_path, self.events_path):
            _to_disk(path)
        partial.replace(self.model_path)

    @property
    def _evaluation_path(self) -> Path:
        return self.path / "evaluations" / f"{self.config.evaluation_digest}.json"

    def result(self) -> Json | None:
        """Read the result of this evaluation, if it was made before."""
        if not self.is_trained or not self._evaluation_path.is_file():
            return None
        found: Json = json.loads(self._evaluation_path.read_text(encoding="utf-8"))
        return found

    def write_result(self, result: Json) -> None:
        """Keep a result under its evaluation, and as the one asked for last."""
        text = to_json(result, indent=2) + "\n"
        self._evaluation_path.parent.mkdir(exist_ok=True)
        write_atomically(self._evaluation_path, text)
        self._write_config()
        write_atomically(self.path / "result.json", text)


def _lines(path: Path) -> list[Json]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _append(path: Path, row: Json) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(to_json(row) + "\n")
