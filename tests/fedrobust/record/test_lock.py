"""The lock of a run folder: who waits for whom."""

import json
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from fedrobust import files
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from tests.fedrobust.record.tiny import OTHER, TINY, configured


def test_the_lock_is_the_same_for_every_user_and_temporary_directory(
    tmp_path, monkeypatch
):
    refused = []

    def row(_):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with pytest.raises(Timeout):
            FileLock(tmp_path / "r" / ".lock").acquire(timeout=0)
        refused.append(True)

    run(configured(*TINY), tmp_path / "r", row)
    assert len(refused) == 2


def test_whoever_waits_for_another_process_says_for_which_folder(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr(files, "PATIENCE", 0.01)
    said = threading.Event()
    monkeypatch.setattr("builtins.print", lambda text, **_: said.set() or told(text))
    heard = []
    told = heard.append
    with files.locked(folder / ".lock"):
        thread = threading.Thread(target=run, args=(configured(*OTHER), folder))
        thread.start()
        assert said.wait(60)
        assert thread.is_alive()
    thread.join()
    assert heard[0] == (
        f"fedrobust: another process works in {folder}: waiting for it to end"
    )
    assert len([*folder.glob("evaluations/*.json")]) == 2


def test_whoever_waits_makes_the_folder_again_that_the_first_one_removed(
    tmp_path, monkeypatch
):
    """Two attempts begin in a new folder; the first comes to nothing."""
    monkeypatch.setattr(files, "PATIENCE", 0.01)
    waits, heard, found = threading.Event(), [], []
    monkeypatch.setattr(files, "tell", lambda text: heard.append(text) or waits.set())
    place = RunFolder(tmp_path / "r", configured(*TINY))
    second = threading.Thread(
        target=lambda: found.append(run(configured(*TINY), tmp_path / "r"))
    )
    with place.locked():
        second.start()
        assert waits.wait(60)
        time.sleep(0.2)  # so that it has begun to wait for the lock itself
    second.join(120)
    assert len(found) == len(heard) == 1
    kept = json.loads((tmp_path / "r" / "result.json").read_text())
    assert found[0].to_json() == kept


def test_a_lock_that_is_made_while_the_folder_goes_keeps_it(tmp_path, monkeypatch):
    place = RunFolder(tmp_path / "r", configured(*TINY))
    unlink = Path.unlink

    def and_made_again(path, **options):
        unlink(path, **options)
        path.touch()

    with place.locked():
        monkeypatch.setattr(Path, "unlink", and_made_again)
    assert (tmp_path / "r" / ".lock").exists()
