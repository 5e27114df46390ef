"""Ctrl-C and SIGTERM end a command soon, with a sentence and the right status."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

ENDLESS = ["num_clients=4", "num_rounds=100000", "evaluation.every=100000"]
RUN = ["-m", "fedrobust", "run"]
SAID = {signal.SIGINT: "fedrobust: interrupted; ", signal.SIGTERM: "terminated; "}


@contextmanager
def started(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start Python in a session of its own, of which nothing outlives the test."""
    # In a background job of a shell Ctrl-C is ignored, which children inherit.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            **{"stderr": subprocess.STDOUT, **options},
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            for number in session_of(process):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)


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
    with started(*RUN, *ENDLESS, "hydra.run.dir=run", cwd=tmp_path) as process:
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
    command = [*RUN, *ENDLESS, "runtime=ray", "hydra.run.dir=run"]
    with started(*command, cwd=tmp_path) as process:
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
    with started("-c", STUCK, str(grace), stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "cleaning up\n"
        if signals == 2:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert err == "fedrobust: terminated\n"


READ = """
import fedrobust.signals, os, sys, time
fedrobust.signals.GRACE = 0.1
signals = fedrobust.signals.Signals("")
signals.watch()
is_stuck, amount = (int(argument) for argument in sys.argv[1:])
try:
    os.write(1, b"ready")
    if amount:
        print("x" * amount, flush=True)
    time.sleep(60)
except KeyboardInterrupt as error:
    time.sleep(60 * is_stuck)
    signals.end(error)
"""


@pytest.mark.parametrize("is_stuck", [0, 1])
@pytest.mark.parametrize("amount", [0, 10**6])
def test_a_reader_that_is_gone_or_reads_no_more_holds_up_no_end(is_stuck, amount):
    """As under ``2>&1 | tee log``, where Ctrl-C ends tee as well, and ``| less``."""
    with started("-c", READ, str(is_stuck), str(amount)) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 5) == b"ready"
        if amount == 0:
            process.stdout.close()
        else:
            time.sleep(0.2)  # until it fills the pipe
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


FORK = """
import fedrobust.signals, os, signal, sys, threading, time
signals = fedrobust.signals.Signals("")
signals.watch()

def fork():
    child = os.fork()
    if child == 0:
        print("ready", flush=True)
        time.sleep(60)
    else:
        children.append(child)

children = []
if sys.argv[1] == "main":
    fork()
else:
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
time.sleep(0.5)
os.kill(children[0], signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]), flush=True)
time.sleep(0.5)
print("here", flush=True)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
except KeyboardInterrupt as error:
    signals.end(error)
"""


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_signal_to_a_forked_child_ends_the_child_alone(thread):
    with started("-W", "ignore", "-c", FORK, thread) as process:
        out, _ = process.communicate(timeout=30)
    assert out == f"ready\n{-signal.SIGTERM}\nhere\nfedrobust: terminated\n"
    assert process.returncode == 143
