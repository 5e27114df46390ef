"""The table of the runs of a sweep."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from fedrobust.commands.run_table import (
    ShownRun,
    States,
    live_table,
    run_lines,
    seconds_left,
    table,
    total_line,
    window,
)
from fedrobust.record.run_state import RunState
from tests.fedrobust.record.states import add_round, begin, fail, finish, held

DONE = RunState("finished", 10, 10, 0.5, {"pgd": {"0.1": 0.25}}, seconds=30.0)
AHEAD = RunState("not started")
BROKEN = RunState("failed", reason="ValueError: no size 3")
STOPPED = RunState("stopped", 3, 10, 0.5)
HOSTILE = "model.kind=<script>[/x] a|b $x_1$ \n 50 % ü漢字漢字漢字漢字漢字漢字 seed=1"


def running(left: float | None, seconds: float | None = 10.0) -> RunState:
    return RunState("running", 2, 10, 0.5, seconds=seconds, left=left, out=1)


def test_the_total_counts_each_kind_and_leaves_out_the_others():
    states = [DONE, DONE, running(20.0), BROKEN, STOPPED, AHEAD, AHEAD, AHEAD]
    # 20 s of the running one, and three of 30 s.
    assert total_line(states) == (
        "8 runs: 2 finished, 1 running, 1 stopped, 1 failed, 3 not started; "
        "about 2 min left"
    )
    assert total_line([DONE]) == "1 run: 1 finished"


def test_the_time_left_is_shared_by_the_runs_that_run_at_once():
    assert seconds_left([DONE, running(20.0), running(10.0), AHEAD, AHEAD]) == 45.0
    # No run has finished: one takes 10 s so far and 20 s more.
    assert seconds_left([running(20.0), AHEAD]) == 50.0
    # A run before its second round is at its beginning.
    assert seconds_left([DONE, running(None, None), AHEAD]) == 60.0


@pytest.mark.parametrize("states", [[DONE, AHEAD], [running(None), AHEAD], [AHEAD], []])
def test_without_a_running_run_or_a_duration_no_time_is_left(states):
    assert seconds_left(states) is None


def test_the_window_shows_running_runs_the_last_before_and_the_next():
    states = [DONE] * 50 + [running(1.0)] * 2 + [AHEAD] * 50
    assert window(states, 8) == [46, 47, 48, 49, 50, 51, 52, 53]
    assert window(states, 1) == [50]
    assert window([AHEAD] * 50, 4) == [0, 1, 2, 3]
    assert window([DONE] * 50, 4) == [46, 47, 48, 49]
    assert window([BROKEN, DONE, AHEAD], 9) == [0, 1, 2]
    mixed = [running(1.0) if i % 3 == 0 else DONE for i in range(30)]
    assert len(window(mixed, 12)) == 12


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_line_is_never_wider_and_shows_values_literally(width):
    states = [DONE, running(1.0), BROKEN, STOPPED, AHEAD]
    many = RunState(
        "finished", clean=0.5, robust={"p": {str(i): 0.5 for i in range(99)}}
    )
    long = RunState("failed", reason="x " * 99)
    states += [many, long]
    runs = [ShownRun(Path(), HOSTILE) for _ in states]
    lines = run_lines(runs, states, width)
    assert max(cell_len(line.plain) for line in lines) <= width
    assert all(line.plain.isprintable() for line in lines)
    assert lines[0].plain.startswith("mode")


def test_a_line_has_the_state_and_what_is_known():
    names = ["rule=krum seed=0", "rule=krum seed=1", "rule=mean seed=0", "a", "b", "c"]
    runs = [ShownRun(Path(), name) for name in names]
    states = [DONE, running(1.0), BROKEN, STOPPED, AHEAD, RunState("running")]
    assert [line.plain for line in run_lines(runs, states, 80)] == [
        "rule=krum seed=0  finished      clean 50.0  pgd 25.0",
        "rule=krum seed=1  round 2/10    clean 50.0  1 client out",
        "rule=mean seed=0  failed        ValueError: no size 3",
        "a                 stopped 3/10  clean 50.0",
        "b                 not started",
        "c                 starting",
    ]
    last = RunState("running", 10, 10)
    assert "evaluating" in run_lines(runs[:1], [last], 80)[0].plain


def test_the_live_table_is_bounded_and_follows_the_files(tmp_path):
    runs = [ShownRun(tmp_path / str(i), f"seed={i}") for i in range(100)]
    for i in range(3):
        finish(begin(tmp_path / str(i)))
    fail(tmp_path / "3", "it broke", "a" * 16)
    console = Console(file=io.StringIO(), width=80, height=12)
    with held(tmp_path / "4"):
        add_round(begin(tmp_path / "4"), 1, clean_accuracy=0.75)
        lines = table(States(runs), console).plain.split("\n")
    assert len(lines) == 10
    assert lines[3].split() == ["seed=3", "failed", "it", "broke"]
    assert lines[4].split() == ["seed=4", "round", "1/10", "clean", "75.0"]
    assert lines[-1].startswith("100 runs: 3 finished, 1 running, 1 failed, 95 not")


def test_jobs_that_share_a_folder_take_turns(tmp_path):
    finish(begin(tmp_path), "a" * 16)
    runs = [ShownRun(tmp_path, letter, letter * 16) for letter in "abc"]
    with held(tmp_path):
        kinds = [state.kind for state in States(runs).read()]
    assert kinds == ["finished", "running", "not started"]


def test_finished_runs_are_read_once_and_the_others_after_a_pause(tmp_path):
    finish(begin(tmp_path / "a"))
    begin(tmp_path / "b")
    states = States([ShownRun(tmp_path / "a", "a"), ShownRun(tmp_path / "b", "b")])
    assert [s.kind for s in states.read(60)] == ["finished", "stopped"]
    finish(tmp_path / "b")
    (tmp_path / "a" / "result.json").unlink()
    assert [s.kind for s in states.read(60)] == ["finished", "stopped"]
    assert [s.kind for s in states.read()] == ["finished", "finished"]


def test_a_live_table_is_removed_at_its_end(tmp_path):
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=True)
    with live_table(States([ShownRun(tmp_path / "a", "seed=1")]), console, 1.0):
        pass
    assert "seed=1  " in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")
