"""A run is sent to its sink once, and no sink can stop or change it."""

import json
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from fedrobust.tracking import TrackedRun, Tracker, Tracking
from tests.fedrobust.record.tiny import OTHER, TINY, configured
from tests.fedrobust.runs import assert_same_bits

HERE = __name__


@dataclass
class Heard(Tracker):
    """Remembers all calls, and does what a test asks at one of them."""

    run: TrackedRun
    fault: str = ""
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"run {len(Listener.heard)}"

    def log_round(self, round: int, values: Mapping[str, float]) -> None:
        self.calls.append(("round", round, values))
        _misbehave(self.fault)

    def finish(self, values: Mapping[str, float]) -> None:
        self.calls.append(("finish", values))

    def fail(self, is_interrupted: bool) -> None:
        self.calls.append(("fail", is_interrupted))


def _misbehave(fault: str) -> None:
    np.random.seed(0)  # noqa: NPY002
    warnings.warn("of the sink", UserWarning, stacklevel=1)
    match fault:
        case "raise":
            raise OSError(28, "No space left on device")
        case "exit":
            raise SystemExit(3)
        case "hang":
            threading.Event().wait()


@dataclass(frozen=True, kw_only=True)
class Listener(Tracking):
    """A sink of a user's own."""

    heard: ClassVar[list[Heard]] = []

    fault: str = ""
    at: str = "round"

    def start(self, run: TrackedRun) -> Tracker:
        if self.at == "start":
            _misbehave(self.fault)
        tracker = Heard(run, self.fault)
        self.heard.append(tracker)
        return tracker


class NoSink:
    """Not a sink."""


@pytest.fixture(autouse=True)
def _nothing_heard():
    Listener.heard.clear()


def tracked(*overrides: str, target: str = "Listener") -> Any:
    sink = [f"+tracking._target_={HERE}.{target}", *overrides]
    return load_config(compose_run([*TINY, *sink]))


def names(tracker: Heard) -> list[str]:
    return [call[0] for call in tracker.calls]


def test_each_round_and_the_result_are_logged(tmp_path):
    result = run(tracked(), tmp_path / "r", sweep=tmp_path)
    (heard,) = Listener.heard
    assert names(heard) == ["round", "round", "finish"]
    rows = RunFolder(tmp_path / "r", tracked()).rounds()
    for (_, number, values), row in zip(heard.calls[:2], rows, strict=True):
        assert number == row.round
        assert values["clean_accuracy"] == row.clean_accuracy
        assert (
            values["robust_accuracy/fgsm/0.15"] == row.robust_accuracy["fgsm"]["0.15"]
        )
    assert heard.calls[2][1]["final/clean_accuracy"] == result.clean_accuracy
    assert heard.run.config["strategy"] == "fedavg"
    assert heard.run.config["num_clients"] == 2
    assert not any("tracking" in key for key in heard.run.config)
    assert heard.run.sweep == tmp_path
    assert heard.run.text == (tmp_path / "r" / "config.yaml").read_text()


def test_a_finished_run_is_logged_from_its_files_once(tmp_path, folder):
    live = run(tracked(), tmp_path / "live")
    result = run(tracked(), folder)
    assert len(Listener.heard) == 2
    first, second = Listener.heard
    assert names(second) == ["round", "round", "finish"]
    # Everything but the seconds is what a training logs.
    for one, other in zip(first.calls, second.calls, strict=True):
        values, others = (
            {k: v for k, v in call[-1].items() if "seconds" not in k}
            for call in (one, other)
        )
        assert values == others
    assert live.clean_accuracy == result.clean_accuracy
    run(tracked(), folder)
    assert len(Listener.heard) == 2
    # Another evaluation of the same model is another run there.
    run(tracked(*OTHER[len(TINY) :]), folder)
    run(tracked(), folder)
    assert len(Listener.heard) == 3
    assert names(Listener.heard[2]) == ["round", "round", "finish"]


def test_a_model_that_is_trained_again_is_logged_again(folder):
    run(tracked(), folder)
    RunFolder(folder, tracked()).clear()
    run(tracked(), folder)
    assert [names(heard) for heard in Listener.heard] == [
        ["round", "round", "finish"]
    ] * 2


@pytest.mark.parametrize("fault", ["raise", "exit", "hang"])
@pytest.mark.parametrize("at", ["start", "round"])
def test_a_sink_that_fails_is_reported_once_and_changes_nothing(
    fault, at, tmp_path, finished, capsys
):
    faulty = (f"+tracking.fault={fault}", f"+tracking.at={at}")
    late = ("+tracking.timeout=0.2",) if fault == "hang" else ()
    result = run(tracked(*faulty, *late), tmp_path / "r")
    error = capsys.readouterr().err
    reason = {
        "raise": "OSError: [Errno 28] No space left on device",
        "exit": "RuntimeError: SystemExit: 3",
        "hang": "no answer within 0.2 seconds",
    }[fault]
    assert error.count("tracking by Listener failed, the run goes on without it") == 1
    assert reason in error
    assert_same_bits(tmp_path / "r", finished)
    plain = json.loads((finished / "result.json").read_text())
    for key in ("warnings", "environment"):
        assert result.to_json()[key] == plain[key]
    # Nothing of it is in the record, and a sink that works gets the whole run.
    assert {p.name for p in finished.iterdir()} <= {
        p.name for p in tmp_path.glob("r/*")
    }
    Listener.heard.clear()
    run(tracked(), tmp_path / "r")
    assert names(Listener.heard[0]) == ["round", "round", "finish"]


def test_a_sink_that_raises_is_told_that_the_run_ended_there(tmp_path):
    run(tracked("+tracking.fault=raise"), tmp_path / "r")
    assert Listener.heard[0].calls[-1] == ("fail", False)


@pytest.mark.parametrize(
    ("error", "is_interrupted"), [(ValueError, False), (KeyboardInterrupt, True)]
)
def test_a_run_that_fails_is_marked_in_its_sink(error, is_interrupted, tmp_path):
    def stop(row) -> None:
        raise error("at the first round")

    with pytest.raises(error):
        run(tracked(), tmp_path / "r", on_row=stop)
    (heard,) = Listener.heard
    assert heard.calls[-1] == ("fail", is_interrupted)
    run(tracked(), tmp_path / "r")
    # The sink may know that attempt as one that runs.
    assert Listener.heard[1].run.previous == "run 1"
    assert names(Listener.heard[1]) == ["round", "round", "finish"]


def test_a_damaged_record_of_what_was_logged_does_not_stop_the_run(folder, capsys):
    (folder / "tracking.json").write_text('{"runs": [{"address": 3}]}')
    result = run(tracked(), folder)
    error = capsys.readouterr().err
    assert f"{folder / 'tracking.json'}: runs.address is 3: must be str" in error
    assert error.count("goes on without it") == 1
    assert Listener.heard == []
    assert result.clean_accuracy == run(configured(*TINY), folder).clean_accuracy


def test_no_digest_changes_with_the_sink():
    plain, with_sink = configured(*TINY), tracked("+tracking.timeout=7")
    assert plain.digest == with_sink.digest
    assert plain.evaluation_digest == with_sink.evaluation_digest


def test_a_class_that_is_no_sink_is_refused_before_the_run(tmp_path):
    with pytest.raises(ConfigError, match="makes a NoSink, must make a fedrobust"):
        run(tracked(target="NoSink"), tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("choice", ["mlflow", "tensorboard"])
def test_a_sink_that_is_not_installed_is_refused_with_its_extra(choice, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        configured(*TINY, f"tracking={choice}")
    assert str(caught.value) == (
        f"tracking: needs {choice}, which is not installed: pip install "
        "fedrobust[track], or set tracking=none"
    )


def test_what_a_sink_and_the_description_wrote_goes_with_the_run(folder):
    events = folder / "tensorboard" / "0123" / "events.out.tfevents.1.host"
    events.parent.mkdir(parents=True)
    events.touch()
    RunFolder(folder, configured(*TINY)).clear()
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {"config.yaml", ".lock"}
