"""What a run shows: one live line on a terminal, few plain lines elsewhere."""

import io
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fedrobust.commands import progress
from fedrobust.commands.displays import Pace
from fedrobust.commands.progress import Job, Progress
from fedrobust.record.round_row import RoundRow
from tests.fedrobust.record.results import read

NAME = "strategy=krum byzantine=alie model.kind=<script>[/x] attack.epsilon=0.3 seed=1"


def row(number: int, **changes: object) -> RoundRow:
    values = {
        "round": number, "evaluate_seconds": 0.0, "train_seconds": 0.0,
        "aggregate_seconds": 0.0, "bytes_down": 0, "bytes_up": 0, "quarantined": 0,
        "failed": 0, "clean_accuracy": 0.5,
        "robust_accuracy": {"pgd": {"0.1": 0.25, "0.2": 0.125}},
        "train_metrics": {"train_loss": 1.25},
    }  # fmt: skip
    return RoundRow(**{**values, **changes})


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that looks like a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    return clock


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard error be a terminal of 80 columns."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return found


def test_the_first_lines_come_at_once_and_the_others_every_ten_seconds():
    clock = Clock()
    pace = Pace(clock)
    due = []
    for clock.now, kind in [
        (0, "start"), (1, "round"), (5, "round"), (10.9, "round"), (11, "round"),
        (12, "start"), (20, "round"), (21, "start"), (22, "round"), (31, "round"),
    ]:  # fmt: skip
        if pace.is_due(kind):
            due.append((clock.now, kind))
    assert due == [(0, "start"), (1, "round"), (11, "round"), (21, "start"),
                   (31, "round")]  # fmt: skip


def test_a_single_run_writes_plain_lines_with_the_time_left(
    configure, clock, capsys, tmp_path
):
    config = configure("num_rounds=40", "strategy=median")
    pace = Pace(clock)
    with Progress(config, tmp_path, pace=pace) as shown:
        for number in range(1, 41):
            clock.now += 20 if number == 1 else 2
            out = {"quarantined": 1, "failed": 2} if number == 6 else {}
            shown.on_row(row(number, **out))
        shown.finish(read())
    printed = capsys.readouterr()
    bare = "clean 50.0  pgd 25.0 12.5"
    accuracies = f"{bare}  loss 1.25"
    assert printed.err.splitlines() == [
        "strategy=median seed=0: starting",
        f"round 1/40  {accuracies}",
        f"round 6/40  {bare}  1 quarantined  2 failed  1 min left",
        f"round 11/40  {accuracies}  58 s left",
        f"round 16/40  {accuracies}  48 s left",
        f"round 21/40  {accuracies}  38 s left",
        f"round 26/40  {accuracies}  28 s left",
        f"round 31/40  {accuracies}  18 s left",
        f"round 36/40  {accuracies}  8 s left",
        f"round 40/40  {accuracies}",
    ]
    result, path = printed.out.splitlines()
    assert result == "strategy=median seed=0: clean 100.0  (98.0 s)"
    assert path == str(tmp_path / "result.json")


def test_rounds_without_an_evaluation_and_without_a_model_are_shown(
    configure, clock, capsys, tmp_path
):
    bare = {"clean_accuracy": None, "robust_accuracy": None, "train_metrics": {}}
    shown = Progress(configure("num_rounds=2"), tmp_path, pace=Pace(clock))
    shown.on_row(row(1, skipped="too few replies", **bare))
    assert capsys.readouterr().err == "round 1/2  skipped\n"


def test_jobs_of_a_sweep_share_one_pace_and_are_named(
    configure, clock, capsys, tmp_path
):
    config, pace = configure("num_rounds=3"), Pace(clock)
    for number in range(4):
        with Progress(config, tmp_path, Job(number, 18, f"seed={number}"), pace) as job:
            for each in (1, 2, 3):
                clock.now += 1.5
                job.on_row(row(each))
            job.finish(read())
    printed = capsys.readouterr()
    accuracies = "clean 50.0  pgd 25.0 12.5  loss 1.25"
    assert printed.err.splitlines() == [
        "[1/18] seed=0: starting",
        f"[1/18] seed=0: round 1/3  {accuracies}",
        # 1.5 s and then ten more; the lines of the jobs between are left out.
        f"[3/18] seed=2: round 2/3  {accuracies}  2 s left",
    ]
    assert printed.out.splitlines() == [
        f"[{n + 1}/18] seed={n}: clean 100.0  (4.5 s)" for n in range(4)
    ]


def test_every_line_is_at_most_80_wide(configure, clock, capsys, tmp_path):
    config = configure("num_rounds=300", "strategy=krum", "num_byzantine=2")
    curve = {str(epsilon): 0.5 for epsilon in range(12)}
    many = {"pgd": curve, "fgsm": curve}
    for job in (None, Job(753, 754, NAME)):
        with Progress(config, tmp_path, job, Pace(clock)) as shown:
            for number in (1, 100):
                clock.now += 4000
                shown.on_row(
                    row(number, robust_accuracy=many, quarantined=12, failed=34)
                )
            shown.finish(read(clean_accuracy=0.5, robust_accuracy=many))
    printed = capsys.readouterr()
    lines = [*printed.err.splitlines(), *printed.out.splitlines()]
    lines.remove(str(tmp_path / "result.json"))  # a path is never cut
    assert len(lines) == 8
    assert max(map(len, lines)) == 80
    assert printed.err.splitlines()[-1].startswith("[754/754] strategy=k...")
    assert printed.out.splitlines()[-1].endswith("  (8000.0 s)")


def test_a_terminal_has_one_live_line_that_is_gone_at_the_end(
    configure, clock, monkeypatch, capsys, tmp_path
):
    terminal = on_terminal(monkeypatch)
    with Progress(configure("num_rounds=3"), tmp_path, pace=Pace(clock)) as shown:
        for number in (1, 2):
            clock.now += 3
            shown.on_row(row(number, robust_accuracy={"pgd": dict.fromkeys("ab", 1)}))
            shown._display.bar.refresh()
        shown.finish(read())
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    lines = re.split(r"[\r\n]+", drawn)
    assert any("round 2/3  clean 50.0  pgd 100.0 100.0" in line for line in lines)
    assert any(line.endswith("loss 1.25  3 s left") for line in lines)
    assert max(map(len, lines)) <= 80
    assert terminal.getvalue().endswith("\x1b[2K"), "the line is removed"
    assert capsys.readouterr().out.startswith("seed=0: clean 100.0")


@pytest.mark.parametrize("kind", ["dumb", "pipe"])
def test_what_is_no_real_terminal_gets_no_control_characters(
    kind, configure, clock, monkeypatch, tmp_path
):
    terminal = on_terminal(monkeypatch)
    if kind == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    else:
        monkeypatch.setattr(Terminal, "isatty", lambda self: False)
        monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress(configure("num_rounds=3"), tmp_path, pace=Pace(clock)) as shown:
        shown.on_row(row(1))
    assert terminal.getvalue().splitlines()[0] == "seed=0: starting"
    assert "\x1b" not in terminal.getvalue()


def test_every_sentence_about_a_job_has_its_place(configure, clock, capsys, tmp_path):
    checks = {"logits": {"status": "fail"}}
    result = read(checks=checks, skipped_rounds=2, other_versions={"keras": ["1", "2"]})
    told = {}
    for job in (None, Job(1, 2, "seed=0")):
        with Progress(configure("num_rounds=1"), tmp_path, job, Pace(clock)) as shown:
            shown.on_warning("odd")
            shown.finish(result)
        told[job] = capsys.readouterr().err.splitlines()[-4:]
    (alone, place), place_of = told.values(), "[2/2] "
    assert alone[0] == "fedrobust: note: odd"
    assert alone[2:] == [
        "check failed: logits",
        "2 rounds were skipped: see events.jsonl",
    ]
    assert place == [place_of + line.removeprefix("fedrobust: ") for line in alone]


def test_the_last_line_says_what_is_claimed_of_privacy(
    configure, clock, capsys, tmp_path
):
    spent = {"epsilon": 2.34567, "delta": 1e-5, "relation": "add or remove one client"}
    told = []
    for stated in (
        spent,
        {**spent, "stopped": "one more round could spend 4"},
        {**spent, "epsilon": 0.0},
        {"epsilon": None, "reason": "no epsilon is claimed: no noise"},
    ):
        with Progress(configure("num_rounds=1"), tmp_path, None, Pace(clock)) as shown:
            shown.finish(read(privacy=stated))
        told.append(capsys.readouterr().err.splitlines()[-1])
    line = "privacy: epsilon=2.346 at delta=1e-05; add or remove one client"
    assert told == [
        line,
        f"{line}; one more round could spend 4",
        "privacy: epsilon<0.001 at delta=1e-05; add or remove one client",
        "privacy: no epsilon is claimed: no noise",
    ]


def test_a_job_is_silent_where_a_table_shows_it(
    configure, clock, monkeypatch, capsys, tmp_path
):
    terminal = on_terminal(monkeypatch)
    job = Job(0, 2, "seed=0", table=os.getpid())
    with Progress(configure("num_rounds=1"), tmp_path, job, Pace(clock)) as shown:
        shown.on_row(row(1))
        assert terminal.getvalue() == ""
        shown.on_warning("odd")
        shown.finish(read())
    assert terminal.getvalue() == "[1/2] note: odd\n"
    assert capsys.readouterr().out == "[1/2] seed=0: clean 100.0  (0.0 s)\n"


def test_a_job_of_another_process_prints_no_result_into_its_table(
    configure, clock, monkeypatch, tmp_path
):
    terminal, screen = on_terminal(monkeypatch), Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    job = Job(0, 2, "seed=0", table=os.getpid() + 1)
    with Progress(configure("num_rounds=1"), tmp_path, job, Pace(clock)) as shown:
        shown.on_row(row(1))
        shown.finish(read())
    assert screen.getvalue() == terminal.getvalue() == ""


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def __init__(self, error: Exception, is_terminal: bool) -> None:
        super().__init__()
        self._error = error
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        raise self._error


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "EIO"), ValueError()])
def test_a_broken_terminal_or_pipe_stops_nothing(
    error, is_terminal, configure, clock, monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("TERM", "xterm")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Broken(error, is_terminal))
        with Progress(configure("num_rounds=2"), tmp_path, pace=Pace(clock)) as shown:
            shown.on_warning("odd")
            for number in (1, 2):
                shown.on_row(row(number))
            shown.finish(read(skipped_rounds=1))
    assert "seed=0: clean 100.0" in capsys.readouterr().out


def test_a_line_reaches_a_pipe_in_one_piece(configure, clock, monkeypatch, tmp_path):
    """Several processes may share the pipe."""
    pieces: list[str] = []
    stream = SimpleNamespace(
        write=pieces.append, flush=lambda: None, isatty=lambda: False, encoding="utf-8"
    )
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(
        configure("num_rounds=1"), Path(tmp_path), Job(0, 2, "a=1"), Pace(clock)
    ) as job:
        job.on_row(row(1))
        job.finish(read())
    assert len(pieces) == 3
    assert all(piece.endswith("\n") and piece.startswith("[1/2] ") for piece in pieces)
