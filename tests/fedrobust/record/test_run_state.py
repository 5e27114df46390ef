"""How far a run is, from its files alone."""

import os
from pathlib import Path

import pytest

from fedrobust.files import is_held
from fedrobust.record.run_state import RunState, read_state
from tests.fedrobust.record.states import (
    EVALUATION,
    add_round,
    begin,
    fail,
    finish,
    held,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_folder_that_is_not_there_has_not_started(folder):
    assert read_state(folder) == RunState("not started")
    assert read_state(folder, EVALUATION) == RunState("not started")
    assert not folder.exists()


def test_a_run_that_is_prepared_is_running_before_its_first_file(folder):
    with held(folder):
        assert read_state(folder) == RunState("running")
    assert read_state(folder) == RunState("not started")


def test_a_running_run_tells_its_round_and_the_time_left(folder):
    begin(folder, num_rounds=10)
    add_round(folder, 1, seconds=60.0, clean_accuracy=0.5)
    with held(folder):
        first = read_state(folder)
        assert (first.round, first.num_rounds, first.left) == (1, 10, None)
        assert first.seconds == 60.0
        add_round(folder, 2, seconds=2.0, quarantined=1, failed=2)
        add_round(folder, 3, seconds=4.0)
        state = read_state(folder)
    # Seven rounds of three seconds; the first, in which all is compiled, is left out.
    assert (state.kind, state.round, state.left) == ("running", 3, 21.0)
    assert (state.clean, state.out) == (0.5, 0), "the latest that was evaluated"
    assert read_state(folder).kind == "stopped"
    assert read_state(folder).left is None


def test_clients_that_were_out_are_those_of_the_latest_round(folder):
    add_round(begin(folder), 1, quarantined=1, failed=2)
    assert read_state(folder).out == 3


def test_only_the_latest_rounds_tell_how_long_the_next_ones_take(folder):
    begin(folder, num_rounds=31)
    for number in range(1, 31):
        add_round(folder, number, seconds=100.0 if number <= 10 else 2.0)
    with held(folder):
        assert read_state(folder).left == 2.0


@pytest.mark.parametrize(
    "torn", ['{"round": 3, "trai', "{}", "[1]", "null", "\x00\xff"]
)
def test_a_torn_line_is_left_out(folder, torn):
    begin(folder)
    add_round(folder, 1)
    add_round(folder, 2, clean_accuracy=0.75)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(torn)
    assert (read_state(folder).round, read_state(folder).clean) == (2, 0.75)


def test_torn_files_stop_nothing(folder):
    begin(folder)
    (folder / "config.yaml").write_text("num_rounds: [")
    add_round(folder, 1)
    assert read_state(folder).num_rounds is None
    (folder / "metrics.jsonl").unlink()
    assert read_state(folder).round == 0


def test_a_finished_run_has_its_result(folder):
    begin(folder)
    finish(folder, clean_accuracy=0.875)
    expected = RunState("finished", 2, 2, 0.875, {"pgd": {"0.1": 0.25}}, seconds=8.0)
    assert read_state(folder) == expected
    assert read_state(folder, EVALUATION) == expected
    with held(folder):
        assert read_state(folder, EVALUATION) == expected


def test_each_evaluation_of_a_folder_has_a_state_of_its_own(folder):
    begin(folder)
    finish(folder)
    assert read_state(folder, "f" * 16).kind == "not started"
    fail(folder, "no such attack", "f" * 16)
    assert read_state(folder, "f" * 16).reason == "no such attack"
    assert read_state(folder, EVALUATION).kind == "finished"


def test_an_evaluation_that_was_interrupted_is_stopped_where_its_training_began_it(
    folder,
):
    add_round(begin(folder, num_rounds=1), 1)
    (folder / "model.keras").touch()
    (folder / "training.json").write_text(f'{{"evaluation_digest": "{EVALUATION}"}}')
    assert read_state(folder, EVALUATION).kind == "stopped"
    assert read_state(folder).kind == "stopped"
    assert read_state(folder, "f" * 16).kind == "not started"


def test_a_failure_counts_until_another_attempt_works_or_succeeds(folder):
    begin(folder)
    add_round(folder, 1)
    fail(folder, "it broke")
    state = read_state(folder, EVALUATION)
    assert (state.kind, state.reason, state.round) == ("failed", "it broke", 1)
    assert read_state(folder).kind == "failed"
    with held(folder):
        assert read_state(folder, EVALUATION).kind == "running"


def test_without_a_digest_the_latest_of_result_and_failure_counts(folder):
    begin(folder)
    finish(folder)
    fail(folder, "later", "f" * 16)
    os.utime(folder / "result.json", (1, 1))
    assert read_state(folder).reason == "later"
    os.utime(folder / "error-ffffffffffffffff.json", (0, 0))
    assert read_state(folder).kind == "finished"


def test_a_torn_result_is_a_failure_that_names_the_file(folder):
    begin(folder)
    finish(folder)
    (folder / "result.json").write_text("{")
    assert str(folder / "result.json") in read_state(folder).reason
    (folder / "evaluations" / f"{EVALUATION}.json").write_text("{")
    assert read_state(folder, EVALUATION).kind == "failed"
    fail(folder, "x")
    (folder / f"error-{EVALUATION}.json").write_text("{")
    finish(folder, "a" * 16)
    assert read_state(folder, EVALUATION).kind == "failed"


def test_looking_at_a_lock_neither_takes_nor_writes_it(folder):
    assert not is_held(folder / ".lock")
    with held(folder):
        before = (folder / ".lock").stat()
        assert is_held(folder / ".lock")
        assert is_held(folder / ".lock")
    assert not is_held(folder / ".lock")
    assert (folder / ".lock").stat().st_mtime_ns == before.st_mtime_ns
    with held(folder):
        pass
    assert sorted(path.name for path in folder.iterdir()) == [".lock"]


@pytest.mark.parametrize(
    ("name", "digest"), [("x" * 300, ""), ("nul\0", ""), ("run", "**"), ("run", "\0")]
)
def test_a_place_that_no_run_can_have_is_a_failure(name, digest, tmp_path):
    begin(tmp_path / "run")
    state = read_state(tmp_path / name, digest)
    assert state.kind in ("failed", "not started", "stopped")
    if len(name) > 255:
        assert "cannot be read: File name too long" in state.reason
