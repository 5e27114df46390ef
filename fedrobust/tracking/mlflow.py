"""A run in an MLflow store, local or on a server, nested in one run for each sweep.

A run has the configuration as parameters, the figures of each round and of the result
as metrics, the digests as tags, and ``config.yaml`` and ``result.json`` as artifacts.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from filelock import FileLock

from fedrobust.files import locked, read_json, write_atomically
from fedrobust.tracking.base import TrackedRun, Tracker, Tracking, Values
from fedrobust.tracking.mlflow_keys import legal_key, legal_value
from strategies.validation import require

# Limits of MLflow on the entries of a batch.
METRICS, PARAMETERS = 1000, 100
PARENT = "mlflow.parentRunId"
SQLITE = "sqlite:///"
# The file of a sweep's folder that names its run, and the lock of its creation.
SWEEP_FILE, SWEEP_LOCK = "tracking.json", ".tracking.lock"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class MLflow(Tracking):
    """Log runs to an MLflow store.

    In the rest of the process, MLflow and Alembic log nothing below a warning, and
    unless you set them, MLFLOW_HTTP_REQUEST_TIMEOUT is 10,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES is 2 and MLFLOW_DISABLE_TELEMETRY is true.

    Parameters
    ----------
    uri
        The store, for example ``sqlite:///runs.db`` or ``http://localhost:5000``. None
        means the environment variable MLFLOW_TRACKING_URI if it is set, otherwise
        ``sqlite:///mlflow.db`` in the current folder. The artifacts of an SQLite store
        are in the folder ``mlruns`` beside its file.
    experiment
        Name of the MLflow experiment, which is created if it is missing.
    """

    library: ClassVar[str] = "mlflow"

    uri: str | None = None
    experiment: str = "fedrobust"

    def __post_init__(self) -> None:
        super().__post_init__()
        bound = "the address of a store, or null"
        require(self.uri is None or bool(self.uri.strip()), "uri", self.uri, bound)
        bound = "a name of 1 to 500 characters"
        name = self.experiment
        require(bool(name.strip()) and len(name) <= 500, "experiment", name, bound)

    @property
    def store(self) -> str:
        """The address of the store, with an absolute path if it is an SQLite file."""
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
        if not uri.startswith(SQLITE):
            return uri
        return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())

    @property
    def address(self) -> str:
        """The store and the experiment."""
        return f"{self.store} {self.experiment}"

    def start(self, run: TrackedRun) -> Tracker:
        """Create a run with its parameters and tags, nested in that of its sweep."""
        client = _client(self.store)
        experiment = self._experiment_id(client)
        if run.previous is not None:
            _end_previous(client, run.previous)
        tags = {
            "fedrobust.config_digest": run.config_digest,
            "fedrobust.evaluation_digest": run.evaluation_digest,
            "fedrobust.seed": str(run.seed),
            "fedrobust.folder": str(run.folder.absolute()),
        }
        parent = None
        if run.sweep is not None:
            parent = self._parent(client, experiment, run.sweep)
            tags[PARENT] = parent
        made = client.create_run(experiment, run_name=run.name, tags=tags)
        tracker = _MLflowRun(client, made.info.run_id, parent, run)
        tracker.log_parameters(run.config)
        return tracker

    def _experiment_id(self, client: Any) -> str:
        from mlflow.exceptions import MlflowException

        found = client.get_experiment_by_name(self.experiment)
        if found is None:
            try:
                created = client.create_experiment(self.experiment, self._artifacts())
                return str(created)
            except MlflowException:
                # Another process may have created it in the meantime.
                found = client.get_experiment_by_name(self.experiment)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _artifacts(self) -> str | None:
        """Return the folder of an SQLite store's artifacts; None lets MLflow choose."""
        if not self.store.startswith(SQLITE):
            return None
        return (Path(self.store.removeprefix(SQLITE)).parent / "mlruns").as_uri()

    def _parent(self, client: Any, experiment: str, sweep: Path) -> str:
        """Return the run of a sweep, which one of its processes creates."""
        path = sweep / SWEEP_FILE
        with locked(sweep / SWEEP_LOCK):
            known = read_json(path, "remove it") if path.is_file() else {}
            parent = known.get(self.address)
            if isinstance(parent, str) and _exists(client, parent):
                return parent
            tags = {"fedrobust.folder": str(sweep.absolute())}
            made = client.create_run(experiment, run_name=sweep.name, tags=tags)
            parent = str(made.info.run_id)
            # No process knows which run of the sweep is the last.
            client.set_terminated(parent, "FINISHED")
            text = json.dumps({**known, self.address: parent}, indent=2)
            write_atomically(path, text + "\n")
            return parent


class _MLflowRun(Tracker):
    def __init__(
        self, client: Any, run_id: str, parent: str | None, run: TrackedRun
    ) -> None:
        self._client, self._id, self._parent = client, run_id, parent
        self._folder, self._num_rounds = run.folder, run.num_rounds

    @property
    def id(self) -> str:
        return self._id

    def log_parameters(self, config: Mapping[str, Any]) -> None:
        """Log the configuration; a value that is too long is cut."""
        from mlflow.entities import Param

        for batch in _batches(config.items(), PARAMETERS):
            params = [Param(legal_key(k), legal_value(v)) for k, v in batch]
            self._client.log_batch(self._id, params=params)

    def log_round(self, round: int, values: Values) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for batch in _batches(values.items(), METRICS):
            metrics = [Metric(legal_key(k), v, now, round) for k, v in batch]
            self._client.log_batch(self._id, metrics=metrics)

    def finish(self, values: Values) -> None:
        self.log_round(self._num_rounds, values)
        for name in ("config.yaml", "result.json"):
            self._client.log_artifact(self._id, str(self._folder / name))
        self._end("FINISHED")

    def fail(self, is_interrupted: bool) -> None:
        self._end("KILLED" if is_interrupted else "FAILED")

    def _end(self, status: str) -> None:
        self._client.set_terminated(self._id, status)
        if self._parent is not None:
            # The sweep ends, as far as is known, with its latest run.
            self._client.set_terminated(self._parent, "FINISHED")


def _client(store: str) -> Any:
    """Return a client of a store; MLflow is quiet, and gives up soon.

    What is set here holds for the rest of the process, as MLflow reads it at each call.
    """
    # Without these, an unreachable server is asked for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not store.startswith(SQLITE):
        return MlflowClient(tracking_uri=store)
    # MLflow creates the tables here, and fails if another process does so too.
    with FileLock(store.removeprefix(SQLITE) + ".lock"):
        return MlflowClient(tracking_uri=store)


def _exists(client: Any, run_id: str) -> bool:
    """Return whether a store has a run, which may have been deleted with the store."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        return False


def _end_previous(client: Any, run_id: str) -> None:
    """End the run of a process that was killed, which would otherwise never end."""
    if _exists(client, run_id) and client.get_run(run_id).info.status == "RUNNING":
        client.set_terminated(run_id, "KILLED")


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split values into lists of at most so many."""
    left = iter(values)
    while batch := list(islice(left, size)):
        yield batch
