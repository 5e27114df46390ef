"""Signals in processes of their own: stuck, written to by nobody, or forked."""

import os
import signal
import subprocess
import time

import pytest

from tests.processes import started

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
