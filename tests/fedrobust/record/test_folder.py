"""The folder of a run: whose it is, and what may be in it."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from fedrobust.config import Config
from fedrobust.errors import ConfigError, FileError
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from tests.fedrobust.record.tiny import OTHER, TINY, configured
from tests.fedrobust.runs import SMALL, Configure


def test_a_folder_of_another_run_is_refused_untouched(configure: Configure, tmp_path):
    run(configure(*SMALL), tmp_path / "r")
    before = {p: p.read_bytes() for p in (tmp_path / "r").iterdir() if p.is_file()}
    with pytest.raises(ConfigError, match="holds another experiment"):
        run(configure(*SMALL, "seed=9"), tmp_path / "r")
    assert {p: p.read_bytes() for p in before} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="holds no run"):
        run(configure(*SMALL), tmp_path / "mine")


def test_what_a_killed_write_leaves_is_no_obstacle(configure: Configure, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    left = [".config.yaml.7.partial", ".model.7.partial.keras"]
    for name in left:
        (folder / name).write_text("half of")
    config = configure(*SMALL)
    RunFolder(folder, config).check()
    run(config, folder)
    assert not [name for name in left if (folder / name).exists()]
    assert (folder / "result.json").is_file()


def test_a_folder_is_run_in_by_one_at_a_time(configure, tmp_path):
    # Two jobs that differ in the attack alone: the second waits and trains nothing.
    small = ("num_clients=2", "num_rounds=2", "dataset.num_train=60")
    configs = [configure(*small, f"attack={name}") for name in ("fgsm", "bim")]
    rounds: list[int] = []

    def job(config: Config) -> None:
        run(config, tmp_path / "r", lambda row: rounds.append(row.round))

    threads = [threading.Thread(target=job, args=[config]) for config in configs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rounds == [1, 2]
    assert len(list((tmp_path / "r" / "evaluations").iterdir())) == 2


def test_partial_files_go_when_a_finished_run_is_asked_for_again(folder):
    left = [".config.yaml.7.partial", "evaluations/.x.json.7.partial"]
    for name in left:
        (folder / name).write_text("half of")
    run(configured(*TINY), folder)
    assert not [name for name in left if (folder / name).exists()]


def test_a_finished_run_is_returned_from_where_nobody_can_write(folder, monkeypatch):
    config = configured(*TINY)
    result = json.loads((folder / "result.json").read_text())
    (folder / ".lock").unlink()

    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    for name in ("write_atomically", "locked"):
        monkeypatch.setattr(f"fedrobust.record.folder.{name}", refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    RunFolder(folder, config).check()
    assert run(config, folder).to_json() == result
    # Also where result.json is of the evaluation that was asked for last.
    (folder / "result.json").unlink()
    assert run(config, folder).to_json() == result
    with pytest.raises(FileError, match="Read-only file system; choose another"):
        run(configured(*OTHER), folder)


@pytest.mark.parametrize(
    "name",
    [
        "metrics.jsonl",
        "events.jsonl",
        ".metrics.jsonl.{pid}.partial",
        ".training.json.{pid}.partial",
        ".model.{pid}.partial.keras",
        ".result.json.{pid}.partial",
    ],
)
def test_a_full_disk_is_told_and_costs_nothing_but_the_attempt(
    tmp_path, name, monkeypatch
):
    """/dev/full takes nothing: it says that there is no space left."""
    config = configured(*TINY, "byzantine=infinity", "num_byzantine=1")
    path = tmp_path / "r" / name.format(pid=os.getpid())

    def fill(row):
        if row.round == 1:
            path.unlink(missing_ok=True)
            path.symlink_to("/dev/full")

    with pytest.raises(FileError) as caught:
        run(config, tmp_path / "r", fill)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'r'} cannot be written: ")
    assert "No space left" in message or ".keras" in name
    assert "\n" not in message
    (kept,) = (tmp_path / "r").glob("error-*.json")
    assert json.loads(kept.read_text())["error"] == message
    assert not list((tmp_path / "r").glob(".model*"))
    path.unlink(missing_ok=True)
    assert RunFolder(tmp_path / "r", config).failure() == message
    assert run(config, tmp_path / "r").quarantined == 2
    assert not kept.exists()


HDF5 = "Can't close file (file write failed: errno = 28, error message = 'No ...')"


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (RuntimeError(HDF5), FileError, "cannot be written: No space left on device;"),
        (OSError(5, "Input/output error"), FileError, "written: Input/output error;"),
        (MemoryError("no memory left"), FileError, "written: no memory left;"),
        (TypeError("no such layer"), TypeError, "^no such layer$"),
    ],
    ids=["HDF5", "disk", "memory", "mistake"],
)
def test_only_what_the_system_says_of_a_write_is_told_as_one(
    folder, error, raised, message
):
    def save(path):
        path.write_text("half")
        raise error

    place = RunFolder(folder, configured(*TINY))
    with pytest.raises(raised, match=message):
        place.save_model(save, place.training())
    assert not list(folder.glob(".model*"))


def test_a_folder_that_is_deleted_under_a_run_is_told(tmp_path):
    def delete(row):
        shutil.rmtree(tmp_path / "r")

    with pytest.raises(FileError, match="cannot be written: No such file or directory"):
        run(configured(*TINY), tmp_path / "r", delete)
    assert not (tmp_path / "r").exists()


def test_an_attempt_that_comes_to_nothing_leaves_no_folder(tmp_path):
    with pytest.raises(ConfigError, match="model"):
        run(configured(*TINY, "model._target_=keras.layers.Dense"), tmp_path / "r")
    assert not (tmp_path / "r").exists()


PLACES = {
    "a name that is too long": ("a" * 300, "File name too long"),
    "one below a new folder": (f"new/{'a' * 300}", "File name too long"),
    "one above a new folder": (f"{'a' * 300}/new", "File name too long"),
    "a path that is too long": ("/".join(["a" * 200] * 30), "File name too long"),
    "a link to itself": ("loop", "Too many levels"),
    "below a link to itself": ("loop/new", "Too many levels"),
    "a link to nothing": ("gone", "No such file"),
    "a file": ("file", "Not a directory"),
    "below a file": ("file/new", "Not a directory"),
    "a null byte": ("a\0b", "embedded null"),
    "half a letter": ("\ud800", "surrogates not allowed"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_a_place_where_no_folder_can_be_made_is_told(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("gone").symlink_to("nowhere")
    Path("file").write_text("")
    before = sorted(tmp_path.iterdir())
    name, reason = PLACES[kind]
    told = f"cannot be written: .*{reason}.*; choose another hydra.run.dir"
    with pytest.raises(FileError, match=told):
        RunFolder(Path(name), configured(*TINY)).check()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["new", "new/deep", "link", "link/new", "a" * 255])
def test_a_place_where_a_folder_can_be_made_is_not_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("link").symlink_to("there")
    RunFolder(Path(name), configured(*TINY)).check()
    assert {path.name for path in tmp_path.rglob("*")} == {"there", "link"}
