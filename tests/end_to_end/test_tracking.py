"""Whole commands with a sink, read back by the sink's own library."""

from pathlib import Path

import pytest

from fedrobust.cli import main
from tests.fedrobust.runs import TINY, assert_same_bits

SWEEP = [*TINY, "attack=fgsm", "hydra.sweep.dir=sweep"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.usefixtures("without_report")
def test_a_sweep_is_one_run_of_mlflow_with_its_runs_nested_and_it_continues(capsys):
    mlflow = pytest.importorskip("mlflow")
    # Two runs are finished before they are tracked; the third is tracked as it trains.
    assert main(["run", "-m", *SWEEP, "seed=0,1"]) == 0
    for seeds in ("seed=0,1,2", "seed=0,1,2"):
        assert main(["run", "-m", *SWEEP, seeds, "tracking=mlflow"]) == 0
    assert "goes on without it" not in capsys.readouterr().err
    store = f"sqlite:///{Path('mlflow.db').absolute()}"
    client = mlflow.MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("fedrobust").experiment_id
    runs = client.search_runs([experiment])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    nested = [run for run in runs if run is not parent]
    assert sorted(run.data.params["seed"] for run in nested) == ["0", "1", "2"]
    names = [f"seed={run.data.params['seed']}" for run in nested]
    assert [run.info.run_name for run in nested] == names
    for run in nested:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "clean_accuracy")
        assert [metric.step for metric in history] == [1, 2]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_run_with_a_sink_has_the_same_bits_as_one_without(name):
    pytest.importorskip(name)
    for choice in ("none", name):
        run = [*TINY, "attack=fgsm", f"tracking={choice}", f"hydra.run.dir={choice}"]
        assert main(["run", *run]) == 0
    assert_same_bits(Path("none"), Path(name))


def test_tensorboard_reads_the_rounds_of_a_run():
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run = [*TINY, "attack=fgsm", "tracking=tensorboard", "hydra.run.dir=tracked"]
    assert main(["run", *run]) == 0
    (events,) = Path("tracked").glob("tensorboard/*/events.*")
    found = accumulator.EventAccumulator(str(events)).Reload()
    steps = [event.step for event in found.Tensors("robust_accuracy/fgsm/0.15")]
    assert steps == [1, 2]


@pytest.mark.parametrize(
    "uri", ["sqlite:////proc/nowhere/a.db", "http://127.0.0.1:9", "nonsense://x"]
)
def test_a_store_that_cannot_be_used_stops_no_run(uri, capsys, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracked = [*TINY, "attack=fgsm", "tracking=mlflow", f"tracking.uri='{uri}'"]
    assert main(["run", *tracked, "hydra.run.dir=r"]) == 0
    error = capsys.readouterr().err
    assert error.count("tracking by MLflow failed, the run goes on without it: ") == 1
    assert Path("r/result.json").is_file()
