"""What nobody foresaw is told as our fault, with a log and no traceback."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fedrobust.cli import main
from fedrobust.commands import list as lists
from fedrobust.errors import LONGEST, ConfigError, RunFailedError, summary_of, tell
from strategies.rules.base import FaultyRuleError


@pytest.fixture
def failing(monkeypatch, tmp_path):
    """Let ``fedrobust list`` raise an error, with the logs in a folder of the test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail(error: BaseException) -> int:
        def command(arguments):
            raise error

        monkeypatch.setattr(lists, "command", command)
        return main(["list"])

    return fail


def test_an_unforeseen_error_is_our_fault(failing, capsys, tmp_path):
    assert failing(KeyError("a\nb")) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "a fault of fedrobust, not yours (KeyError: 'a\\nb')" in err
    assert "open an issue" in err
    (log,) = tmp_path.glob("fedrobust-*.log")
    assert str(log) in err
    text = log.read_text()
    assert "Traceback" in text
    assert "command: " in text
    assert "flwr 1." in text


def test_an_unforeseen_error_without_a_place_for_its_log(failing, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert failing(KeyError("a")) == 1
    assert "the log could not be written" in capsys.readouterr().err


def test_what_is_nobodys_fault_has_no_log(failing, capsys, tmp_path):
    assert failing(OSError(28, "No space left on device", "/data/x")) == 1
    assert failing(OSError(28, "No space left on device")) == 1
    assert failing(OSError(36, "File name too long", "aaa")) == 2
    assert failing(MemoryError("9 GiB")) == 1
    assert failing(RunFailedError("nothing came")) == 1
    assert failing(ConfigError("x=1: must be 2")) == 2
    assert capsys.readouterr().err.splitlines() == [
        "fedrobust: /data/x: No space left on device",
        "fedrobust: a file or the output cannot be used: No space left on device",
        "fedrobust: aaa: File name too long",
        "fedrobust: not enough memory: 9 GiB",
        "fedrobust: nothing came",
        "fedrobust: x=1: must be 2",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_message_is_one_line_without_colours(capsys):
    tell("a\x1b[2J\nb\rc é")
    assert capsys.readouterr().err == "fedrobust: a\\x1b[2J\\nb\\rc é\n"


def test_tensors_and_arguments_are_left_out_of_a_message():
    error = ValueError(
        "\x1b[1mshape (2, 3)\x1b[0m of [[1. 2.]\n [3. 4.]] is wrong\n\nArguments "
        "received by Dense.call():\n  inputs=tf.Tensor(...)"
    )
    assert summary_of(error) == "shape (2, 3) of [[...]] is wrong"
    long = summary_of(ValueError(f"begin {'x' * 5000} the cause"))
    assert len(long) <= LONGEST + 5
    assert long.startswith("begin")
    assert long.endswith("the cause")
    assert summary_of(ValueError()) == "ValueError"


def test_a_reader_that_stops_and_a_terminal_without_letters():
    """As with ``| head -0``, and where the output can only be ASCII."""
    program = [sys.executable, "-m", "fedrobust", "list", "strategy"]
    process = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    script = "import sys; print('ε'); sys.exit(2)"
    done = subprocess.run(
        [sys.executable, "-c", "from fedrobust.commands import list as l\n"
         f"l.command = lambda a: exec({script!r})\n"
         "import sys; from fedrobust.cli import main\n"
         "sys.argv = ['fedrobust', 'list']; sys.exit(main())"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "\\u03b5\n", "")


@pytest.mark.parametrize(
    ("address", "key"), [(None, "runtime=ray"), ("auto", "runtime.address=auto")]
)
def test_a_ray_that_does_not_start_is_told_by_what_was_typed(address, key, monkeypatch):
    from fedrobust.runtime.ray import Ray

    def init(**options):
        raise ConnectionError("no such\n  cluster")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    with pytest.raises(RunFailedError) as caught:
        Ray(address=address)._start()
    assert str(caught.value) == f"{key}: Ray cannot be used: no such cluster"


def test_a_fault_of_a_users_rule_names_it_and_is_not_ours(failing, capsys, tmp_path):
    error = FaultyRuleError("mine.Bare.aggregate returned ndarray")
    assert failing(error) == 1
    (log,) = tmp_path.glob("fedrobust-*.log")
    told = f"fedrobust: mine.Bare.aggregate returned ndarray; see its log {log}\n"
    assert capsys.readouterr().err == told
