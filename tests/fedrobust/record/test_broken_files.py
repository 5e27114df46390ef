"""Files that are torn, foreign or cannot be written: one sentence with the path."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock, Timeout

from fedrobust import files
from fedrobust.assembly import Experiment, forget
from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError, FileError
from fedrobust.record.folder import RunFolder
from fedrobust.report import MissingResultsError, collect
from fedrobust.run import run

TINY = (
    *("num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack=fgsm"),
    "attack.samples=20",
)
OTHER = (*TINY, "attack.epsilon=0.3")


def configured(*overrides: str) -> Config:
    return load_config(compose_run(overrides))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "r"
    run(configured(*TINY), folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to damage."""
    return Path(shutil.copytree(finished, tmp_path / "r"))


def edited(key: str, value: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps({**json.loads(content), key: value}).encode()


def without(key: str) -> Callable[[bytes], bytes]:
    def drop(content: bytes) -> bytes:
        found = json.loads(content)
        del found[key]
        return json.dumps(found).encode()

    return drop


def first_line(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        first, rest = content.split(b"\n", 1)
        return change(first) + b"\n" + rest

    return edit


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes:
    return b""


def no_text(content: bytes) -> bytes:
    return b"\xff\xfe\x00"


def a_list(content: bytes) -> bytes:
    return b"[1]"


ALWAYS = (TINY, OTHER)
WORST_CLIENT = {"worst_client": {"clean_accuracy": "x"}}
DAMAGE = [
    *[("config.yaml", d, ALWAYS) for d in (empty, no_text, a_list)],
    ("config.yaml", lambda content: b"a: [", ALWAYS),
    ("config.yaml", lambda content: b"config_digest: 7\n", ALWAYS),
    ("config.yaml", lambda content: content + b"digest_version: '4'\n", ALWAYS),
    ("config.yaml", lambda content: content + b"a: &a [*a]\n", ALWAYS),
    *[("training.json", d, ALWAYS) for d in (empty, no_text, a_list, torn)],
    ("training.json", edited("environment", None), ALWAYS),
    ("training.json", edited("data_digest", 7), ALWAYS),
    ("training.json", edited("warnings", [{}]), ALWAYS),
    *[("evaluations/*.json", d, (TINY,)) for d in (empty, no_text, a_list, torn)],
    ("evaluations/*.json", edited("clean_accuracy", None), (TINY,)),
    ("evaluations/*.json", edited("clean_accuracy", 97.0), (TINY,)),
    ("evaluations/*.json", edited("clean_accuracy", float("nan")), (TINY,)),
    ("evaluations/*.json", edited("seed", True), (TINY,)),
    ("evaluations/*.json", edited("worst_robust_accuracy", {"0.1": "x"}), (TINY,)),
    ("evaluations/*.json", edited("checks", {"logits": 1}), (TINY,)),
    ("evaluations/*.json", without("robust_accuracy"), (TINY,)),
    ("evaluations/*.json", edited("worst_robust_accuracy", {"x": 0.5}), (TINY,)),
    ("evaluations/*.json", edited("warnings", [["x"]]), (TINY,)),
    ("evaluations/*.json", edited("bytes_up", "1"), (TINY,)),
    ("evaluations/*.json", edited("num_rounds", 0), (TINY,)),
    ("evaluations/*.json", edited("bytes_up", 10**400), (TINY,)),
    ("evaluations/*.json", edited("other_versions", {"numpy": ["1"]}), (TINY,)),
    ("evaluations/*.json", edited("federated", WORST_CLIENT), (TINY,)),
    *[("metrics.jsonl", d, (OTHER,)) for d in (empty, no_text, a_list, torn)],
    ("metrics.jsonl", lambda content: content * 2, (OTHER,)),
    ("metrics.jsonl", lambda content: content.split(b"\n")[1] + b"\n", (OTHER,)),
    ("metrics.jsonl", first_line(without("bytes_up")), (OTHER,)),
    ("metrics.jsonl", first_line(edited("skipped", 0)), (OTHER,)),
    ("metrics.jsonl", first_line(edited("quarantined", "0")), (OTHER,)),
    ("metrics.jsonl", first_line(edited("federated", {"clients": "x"})), (OTHER,)),
    ("events.jsonl", lambda content: b'{"event": "x', (OTHER,)),
    ("events.jsonl", lambda content: b'{"reason": "x"}', (OTHER,)),
    ("events.jsonl", lambda content: b'{"event": "x", "client": [1]}', (OTHER,)),
    *[("model.keras", d, (OTHER,)) for d in (empty, no_text, torn)],
]


@pytest.mark.parametrize(
    ("name", "damage", "asked"),
    DAMAGE,
    ids=[f"{i}-{name}" for i, (name, *_) in enumerate(DAMAGE)],
)
def test_a_file_of_a_run_that_is_no_such_file_is_told(folder, name, damage, asked):
    (path,) = folder.glob(name)
    path.write_bytes(damage(path.read_bytes()))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for overrides in asked:
        with pytest.raises(FileError) as caught:
            run(configured(*overrides), folder)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "\n" not in message
        assert message.endswith(("anew", "hydra.run.dir"))
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("seed", [0], "seed is [0]: must be int"),
        ("training", {"local_epochs": 1}, "training.epsilon is missing"),
        ("dataset", {"num_classes": "x"}, "dataset.num_classes is 'x': must be int"),
        ("choices", {"model": ["x"]}, "choices.model is ['x']: must be str"),
        ("screening", 3, "screening is 3: must be dict"),
    ],
)
def test_a_report_names_the_key_of_a_configuration_that_it_cannot_read(
    folder, key, value, told
):
    path = folder / "config.yaml"
    found = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**found, key: value}))
    with pytest.raises(MissingResultsError) as caught:
        collect(folder)
    assert f"; {path}: {told}; restore or remove it" in str(caught.value)


def test_a_report_shows_configurations_with_values_of_other_types(folder):
    path = folder / "config.yaml"
    found = yaml.safe_load(path.read_text())
    found["partition"]["seed"] = [0]
    found["model"]["_target_"] = [1]
    path.write_text(yaml.safe_dump(found))
    assert len(collect(folder).groups) == 1


@pytest.mark.parametrize("damage", [empty, torn, a_list])
def test_what_a_result_is_a_copy_of_mends_it(folder, damage):
    path = folder / "result.json"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    run(configured(*TINY), folder)
    assert path.read_bytes() == whole


def test_a_torn_evaluation_is_made_anew_once_it_is_removed(folder):
    (path,) = folder.glob("evaluations/*.json")
    whole = json.loads(path.read_bytes())
    stamp = (folder / "model.keras").stat().st_mtime_ns
    path.unlink()
    again = run(configured(*TINY), folder)
    assert again.robust_accuracy == whole["robust_accuracy"]
    assert (folder / "model.keras").stat().st_mtime_ns == stamp


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


def test_why_an_attempt_failed_is_kept_until_one_succeeds(folder, monkeypatch):
    from fedrobust.evaluation.evaluator import Evaluator

    config = configured(*OTHER)

    def fail(self, arrays):
        raise MemoryError("no memory left")

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", fail)
        with pytest.raises(MemoryError):
            run(config, folder)
    place = RunFolder(folder, config)
    assert place.failure() == "MemoryError: no memory left"
    kept = json.loads(place.error_path.read_text())
    assert kept["config_digest"] == config.digest
    assert "in fail" in "".join(kept["traceback"])
    # Another evaluation of the same model is no attempt at this one.
    run(configured(*TINY), folder)
    assert place.failure() == "MemoryError: no memory left"
    run(config, folder)
    assert place.failure() is None


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


def array_header(path: Path, shape: str) -> None:
    """Write an npz file whose first array claims to have another shape than it has."""
    import zipfile

    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(path, "w") as file:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", raw + b"\x00" * 9)


DATA = {
    "an array of 29 TB": lambda path: array_header(path, "(29000000000000,)"),
    "a shape that is none": lambda path: array_header(path, "(-1, 2)"),
    "an npy file": lambda path: np.save(path.open("wb"), np.zeros(3)),
    "an empty file": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", DATA)
def test_a_data_file_that_is_something_else_is_told(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    path = tmp_path / "mine.npz"
    DATA[kind](path)
    with pytest.raises(ConfigError) as caught:
        configured("dataset=mnist", "dataset.name=mine")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_partition_that_is_kept_is_checked_and_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    config = configured("num_clients=3", "partition=dirichlet", "num_rounds=1")
    forget()
    dealt = Experiment(config).partition
    digest = Experiment(config).partition_digest
    (path,) = (tmp_path / "partitions").iterdir()
    whole = dict(np.load(path))
    rows, bounds = whole["rows"], whole["bounds"]
    swapped = rows.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    changed = [
        {"rows": swapped},
        {"rows": rows + 10**6},
        {"rows": rows.astype(float)},
        {"rows": rows[None]},
        {"bounds": bounds[:-1]},
        {"bounds": bounds[::-1]},
        {"bounds": bounds - 1},
        {"bounds": np.int64(3)},
        {"digest": np.array("0" * 16)},
        {"digest": np.array([str(whole["digest"])] * 2)},
        {"digest": np.array([str(whole["digest"])])},
        {"digest": np.array(str(whole["digest"]).encode())},
        {"digest": np.zeros(0)},
        {"digest": np.zeros((), "i4,f4")},
    ]
    for change in changed:
        np.savez(path, **{**whole, **change})
        forget()
        for a, b in zip(dealt, Experiment(config).partition, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.load(path)["rows"], rows)
    for content in (b"", b"PK\x03\x04", path.read_bytes()[:200]):
        path.write_bytes(content)
        forget()
        assert Experiment(config).partition_digest == digest
        np.testing.assert_array_equal(np.load(path)["rows"], rows)
    # As versions before wrote it.
    np.savez(path, rows=rows, bounds=bounds)
    forget()
    assert Experiment(config).partition_digest == digest
    assert np.load(path)["digest"] == digest
    forget()


def test_a_result_names_whose_rows_were_whose(finished):
    config = configured(*TINY)
    result = json.loads((finished / "result.json").read_text())
    rows = Experiment(config).partition
    assert result["partition_digest"] == Experiment(config).partition_digest
    from fedrobust.data.partition import partition_digest

    assert partition_digest(rows[::-1]) != result["partition_digest"]
    assert partition_digest([rows[0][:-1], rows[1]]) != result["partition_digest"]
    moved = [rows[0][:-1], np.append(rows[0][-1:], rows[1])]
    assert partition_digest(moved) != result["partition_digest"]
    assert Experiment(configured("experiment=centralised")).partition_digest is None


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
