"""Ctrl-C and SIGTERM end a command soon, with a sentence and the right status."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENDLESS = ["num_clients=4", "num_rounds=100000", "evaluation.every=100000"]
SAID = {signal.SIGINT: "fedrobust: interrupted; ", signal.SIGTERM: "terminated; "}


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fedrobust", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def session_of(process: subprocess.Popen[str]) -> list[int]:
    """Every process that a command started, itself included."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == process.pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def ended_by(process: subprocess.Popen[str], number: int, is_group: bool) -> str:
    """Wait for the first round, send a signal, and return what was printed after."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("round 1/"):
            break
    (os.killpg if is_group else os.kill)(process.pid, number)
    printed = process.stdout.read()
    assert process.wait(60) == 128 + number, printed
    deadline = time.monotonic() + 60
    while session_of(process) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert session_of(process) == [], "no process is left behind"
    return printed


@pytest.mark.parametrize("number", SAID)
def test_one_signal_ends_a_run_and_says_how_to_continue(number, tmp_path):
    process = start("run", *ENDLESS, "hydra.run.dir=run", cwd=tmp_path)
    printed = ended_by(process, number, is_group=number == signal.SIGINT)
    (line,) = printed.splitlines()[-1:]
    assert SAID[number] in line
    assert "run the same command again to continue" in line
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("number", SAID)
@pytest.mark.parametrize("is_group", [False, True])
def test_one_signal_ends_a_run_on_ray(number, is_group, tmp_path):
    pytest.importorskip("ray")
    process = start("run", *ENDLESS, "runtime=ray", "hydra.run.dir=run", cwd=tmp_path)
    printed = ended_by(process, number, is_group)
    assert SAID[number] in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert "***" not in printed, "no stack trace of C++"


STUCK = """
import fedrobust.signals, signal, sys, time
fedrobust.signals.GRACE = float(sys.argv[1])
signals = fedrobust.signals.Signals("")
signals.watch()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("cleaning up", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("grace", "signals"), [(0.1, 1), (60, 2)])
def test_a_command_that_does_not_end_by_itself_is_ended(grace, signals):
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(grace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "cleaning up\n"
    if signals == 2:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert err == "fedrobust: terminated\n"
