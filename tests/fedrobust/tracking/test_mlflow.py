"""A local MLflow store, read back by MLflow's own client."""

import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from fedrobust.tracking import MLflow, TrackedRun
from tests.fedrobust.tracking.runs import tracked

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """An empty store, which takes seconds to make."""
    path = tmp_path_factory.mktemp("store") / "runs.db"
    sink(path)._experiment_id(client(path))
    return path


def sink(path: Path, **changes) -> MLflow:
    return MLflow(uri=f"sqlite:///{path}", **changes)


def client(path: Path):
    from fedrobust.tracking.mlflow import _client

    return _client(f"sqlite:///{path}")


def runs_of(path: Path, tag: str, value: str) -> list:
    found = client(path).get_experiment_by_name("fedrobust")
    query = f"tags.`{tag}` = '{value}'"
    return client(path).search_runs([found.experiment_id], query)


def test_mlflow_reads_what_was_logged(database, tmp_path):
    run = tracked(tmp_path / "r", config={"attack.epsilon": 0.1, "a|b": "x" * 9000})
    tracker = sink(database).start(run)
    tracker.log_round(1, {"clean_accuracy": 0.25, "robust_accuracy/pgd/0.1": 0.5})
    tracker.log_round(2, {"clean_accuracy": 0.75})
    tracker.finish({"final/clean_accuracy": 0.75})
    found = client(database).get_run(tracker.id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "digits krum seed=3"
    assert found.data.params["attack.epsilon"] == "0.1"
    assert len(found.data.params["a-7c-b"]) == 6000
    assert found.data.tags["fedrobust.config_digest"] == "0123456789abcdef"
    assert found.data.tags["fedrobust.evaluation_digest"] == "fedcba9876543210"
    assert found.data.tags["fedrobust.seed"] == "3"
    history = client(database).get_metric_history(tracker.id, "clean_accuracy")
    assert [(m.step, m.value) for m in history] == [(1, 0.25), (2, 0.75)]
    assert found.data.metrics["robust_accuracy/pgd/0.1"] == 0.5
    assert found.data.metrics["final/clean_accuracy"] == 0.75
    files = client(database).list_artifacts(tracker.id)
    assert sorted(file.path for file in files) == ["config.yaml", "result.json"]
    # Beside the store, not where the command was typed.
    assert any((database.parent / "mlruns").rglob("result.json"))


def test_more_values_than_a_batch_holds_are_all_logged(database, tmp_path):
    run = tracked(tmp_path / "r", config={f"key{i}": i for i in range(201)})
    tracker = sink(database).start(run)
    tracker.log_round(1, {f"value{i}": float(i) for i in range(1001)})
    found = client(database).get_run(tracker.id)
    assert len(found.data.params) == 201
    assert len(found.data.metrics) == 1001
    tracker.fail(is_interrupted=False)
    assert client(database).get_run(tracker.id).info.status == "FAILED"


def test_a_run_whose_process_was_killed_is_ended_by_the_next_attempt(
    database, tmp_path
):
    killed = sink(database).start(tracked(tmp_path / "r"))
    assert client(database).get_run(killed.id).info.status == "RUNNING"
    again = sink(database).start(tracked(tmp_path / "r", previous=killed.id))
    again.finish({})
    assert client(database).get_run(killed.id).info.status == "KILLED"
    assert client(database).get_run(again.id).info.status == "FINISHED"
    # One that ended, or that the store has lost, is left alone.
    for previous in (again.id, "0" * 32):
        sink(database).start(tracked(tmp_path / "r", previous=previous)).finish({})
    assert client(database).get_run(again.id).info.status == "FINISHED"


def test_runs_of_a_sweep_are_nested_in_one_run_whoever_starts_first(database, tmp_path):
    sweep, made = tmp_path / "sweep", []

    def start(number: int) -> None:
        run = tracked(sweep / str(number), sweep=sweep)
        tracker = sink(database).start(run)
        tracker.finish({})
        made.append(tracker.id)

    threads = [threading.Thread(target=start, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    start(4)
    (parent,) = runs_of(database, "fedrobust.folder", str(sweep))
    nested = runs_of(database, "mlflow.parentRunId", parent.info.run_id)
    assert sorted(run.info.run_id for run in nested) == sorted(made)
    assert len(made) == 5
    assert parent.info.run_name == "sweep"
    assert parent.info.status == "FINISHED"


def test_a_sweep_whose_store_was_deleted_gets_a_run_in_the_new_one(database, tmp_path):
    sweep = tmp_path / "sweep"
    run: TrackedRun = tracked(sweep / "0", sweep=sweep)
    sink(database).start(run).finish({})
    (parent,) = runs_of(database, "fedrobust.folder", str(sweep))
    client(database).delete_run(parent.info.run_id)
    sink(database).start(run).finish({})
    (another,) = runs_of(database, "fedrobust.folder", str(sweep))
    assert another.info.run_id != parent.info.run_id


def test_the_store_is_the_one_of_the_key_the_variable_or_the_current_folder(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert MLflow().store == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert MLflow().store == "http://localhost:5000"
    assert MLflow(uri="sqlite:///a.db").store == f"sqlite:///{tmp_path}/a.db"
    assert MLflow(experiment="mine").address == "http://localhost:5000 mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [("uri", " "), ("experiment", ""), ("experiment", "x" * 501), ("timeout", 0)],
)
def test_an_unusable_value_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name}="):
        MLflow(**{name: value})


def test_one_process_at_a_time_opens_an_sqlite_store(tmp_path, monkeypatch):
    """MLflow creates tables when it is opened, and two processes disturb each other."""
    path, opened = tmp_path / "runs.db", []

    def open_store(tracking_uri: str) -> None:
        with pytest.raises(Timeout):
            FileLock(f"{path}.lock", timeout=0).acquire()
        opened.append(tracking_uri)

    monkeypatch.setattr("mlflow.MlflowClient", open_store)
    client(path)
    assert opened == [f"sqlite:///{path}"]
    FileLock(f"{path}.lock", timeout=0).acquire()
