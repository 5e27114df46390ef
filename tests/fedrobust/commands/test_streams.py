"""Readers that leave, full disks and letters that the output cannot show."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from fedrobust.cli import main
from fedrobust.commands.streams import outlive_readers

TINY = ["num_clients=2", "num_rounds=1", "dataset.num_train=60", "attack.samples=20"]
Opened = Callable[[], TextIO]


def to_nobody() -> TextIO:
    """Open a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def to_a_full_disk() -> TextIO:
    return open("/dev/full", "w")  # noqa: PTH123


@contextmanager
def written_to(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, *names: str
) -> Iterator:
    """Put a stream in place of standard output or error."""
    files = [opened() for _ in names]
    with monkeypatch.context() as patched:
        for name, file in zip(names, files, strict=True):
            patched.setattr(sys, name, file)
        yield
    for file in files:
        file.close()


@pytest.mark.parametrize("names", [["stdout"], ["stdout", "stderr"]])
@pytest.mark.parametrize("sweep", [[], ["-m", "seed=0,1"]])
def test_runs_go_on_when_their_reader_has_gone(names, sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with written_to(to_nobody, monkeypatch, *names):
        assert main(["run", *TINY, *sweep]) == 0
    assert len([*Path().rglob("result.json")]) == len(sweep or [0])


def test_a_full_disk_below_the_output_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in (["list"], ["run", "--cfg", "job"], ["run", *TINY]):
        with written_to(to_a_full_disk, monkeypatch, "stdout"):
            outlive_readers()
            assert main(command) == 1
            print("more", flush=True)
        (told,) = capsys.readouterr().err.splitlines()[-1:]
        assert told == "fedrobust: standard output: No space left on device"
    with written_to(to_a_full_disk, monkeypatch, "stderr"):
        outlive_readers()
        assert main(["list", "nothing"]) == 2, "the status is told nevertheless"


@pytest.mark.parametrize("is_buffered", [True, False])
def test_a_stream_writes_what_it_wrote_before(is_buffered, tmp_path, monkeypatch):
    path = tmp_path / "out"
    raw = io.FileIO(str(path), "w")
    buffer = io.BufferedWriter(raw) if is_buffered else raw
    old = io.TextIOWrapper(buffer, encoding="ascii", write_through=not is_buffered)
    monkeypatch.setattr(sys, "stdout", old)
    print("first")
    outlive_readers()
    new = sys.stdout
    print("ε and \N{SNOWMAN}")
    assert new.encoding == "ascii"
    assert (path.stat().st_size > len("first\n")) is not is_buffered
    outlive_readers()
    assert sys.stdout is new, "once is enough"
    new.flush()
    assert path.read_text() == "first\n\\u03b5 and \\u2603\n"
