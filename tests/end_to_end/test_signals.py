"""Ctrl-C and SIGTERM end a command soon, with a sentence and the right status."""

import os
import signal
import subprocess
import time

import pytest

from tests.processes import session_of, started

ENDLESS = ["num_clients=4", "num_rounds=100000", "evaluation.every=100000"]
RUN = ["-m", "fedrobust", "run"]
SAID = {signal.SIGINT: "fedrobust: interrupted; ", signal.SIGTERM: "terminated; "}


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
