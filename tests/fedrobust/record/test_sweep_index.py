"""index.csv: which folder of a multirun belongs to which values."""

import csv
from pathlib import Path

import pytest
import yaml

from fedrobust.config.jobs import plan_jobs
from fedrobust.errors import FileError
from fedrobust.record.sweep_index import (
    IndexedJob,
    index_text,
    labels_of,
    merged,
    read_index,
    update_index,
)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def job(folder: str = "f", seed: str = "0", **values: str) -> IndexedJob:
    return IndexedJob(folder, seed, f"d-{folder}", "e", values)


def test_there_is_a_row_for_each_job_with_the_keys_that_vary(tmp_path):
    planned = plan_jobs(["strategy=mean,median", "num_rounds=1", "seed=0,1"])
    update_index(tmp_path / "new", planned)
    written = rows(tmp_path / "new")
    assert [*written[0]] == [
        "folder",
        "strategy",
        "seed",
        "digest",
        "evaluation_digest",
    ]
    assert [(r["strategy"], r["seed"]) for r in written] == [
        ("mean", "0"),
        ("mean", "1"),
        ("median", "0"),
        ("median", "1"),
    ]
    for row, (below, config) in zip(written, planned.jobs, strict=True):
        assert row["folder"] == str(below)
        assert row["digest"] == config.digest
        assert row["evaluation_digest"] == config.evaluation_digest
    found = read_index(tmp_path / "new")
    assert index_text(found) == (tmp_path / "new/index.csv").read_bytes().decode()


def test_a_sweep_that_goes_on_keeps_the_rows_of_earlier_jobs(tmp_path):
    """The value of a key that varies only now is read in the folder of the run."""
    first = plan_jobs(["strategy=median", "num_rounds=1", "seed=0,1"])
    update_index(tmp_path, first)
    started = tmp_path / first.jobs[0][0]
    started.mkdir()
    config = {
        "config_digest": first.configs[0].digest,
        "training": {"epsilon": None},
        "choices": {"strategy": "median"},
    }
    (started / "config.yaml").write_text(yaml.safe_dump(config))
    update_index(
        tmp_path, plan_jobs(["strategy=mean,median", "num_rounds=1", "seed=1"])
    )
    assert [(r["strategy"], r["seed"]) for r in rows(tmp_path)] == [
        ("median", "0"),
        ("median", "1"),
        ("mean", "1"),
    ]
    update_index(tmp_path, plan_jobs(["strategy=median", "num_rounds=1", "seed=2,3"]))
    assert [(r["strategy"], r["seed"]) for r in rows(tmp_path)][3:] == [
        ("median", "2"),
        ("median", "3"),
    ]


def test_the_same_sweep_writes_nothing_so_its_folder_may_be_read_only(
    tmp_path, monkeypatch, capsys
):
    planned = plan_jobs(["num_rounds=1", "seed=0,1"])
    update_index(tmp_path, planned)
    monkeypatch.setattr(
        "fedrobust.record.sweep_index.write_atomically",
        lambda *_: pytest.fail("written again"),
    )
    update_index(tmp_path, planned)
    assert capsys.readouterr().err == ""


def test_an_index_that_cannot_be_written_is_a_note(tmp_path, capsys):
    (tmp_path / "file").touch()
    update_index(tmp_path / "file", plan_jobs(["num_rounds=1", "seed=0,1"]))
    said = capsys.readouterr().err
    assert said.startswith("fedrobust: note: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("content", [b"folder;seed\n", b"\xff\xfe", b"", b"folder\nx"])
def test_an_index_that_cannot_be_read_is_replaced_with_a_note(
    content, tmp_path, capsys
):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(FileError, match=r"index\.csv"):
        read_index(tmp_path)
    update_index(tmp_path, plan_jobs(["num_rounds=1", "seed=0,1"]))
    assert "note: " in capsys.readouterr().err
    assert [r["seed"] for r in rows(tmp_path)] == ["0", "1"]


def test_odd_values_come_back_and_no_cell_is_a_formula():
    values = [
        "=1+1", "@x", "+a", "-0.1", "-x", "'quoted", "a,b", 'say "x"', "two\nlines",
        "<script>", "a|b", "[/x]", "$x_1$", "50 %", " space ", "\tx", "ü",
    ]  # fmt: skip
    jobs = [job(str(i), key=value) for i, value in enumerate(values)]
    text = index_text(jobs)
    cells = [row["key"] for row in csv.DictReader(text.splitlines(keepends=True))]
    risky = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert risky == ["-0.1"]


def test_odd_values_are_read_back(tmp_path):
    values = ["=1+1", "'x", "-0.1", "two\nlines", 'a,"b"', "'=x"]
    jobs = [job(str(i), key=value) for i, value in enumerate(values)]
    (tmp_path / "index.csv").write_bytes(index_text(jobs).encode())
    assert [j.values["key"] for j in read_index(tmp_path)] == values


def test_jobs_that_differ_in_the_evaluation_alone_have_rows_of_their_own(tmp_path):
    a = IndexedJob("f", "0", "d", "e1", {"attack": "pgd"})
    b = IndexedJob("f", "0", "d", "e2", {"attack": "fgsm"})
    assert merged(tmp_path, [a], [b]) == [a, b]
    assert merged(tmp_path, [a, b], [b]) == [a, b]


def test_labels_have_the_seed_only_where_it_distinguishes():
    assert labels_of([job(rule="a"), job("g", rule="b")]) == [
        {"rule": "a"},
        {"rule": "b"},
    ]
    assert labels_of([job(rule="a"), job("g", "1", rule="a")]) == [
        {"rule": "a", "seed": "0"},
        {"rule": "a", "seed": "1"},
    ]
    assert labels_of([job(seed="7")]) == [{"seed": "7"}]


def test_a_row_that_is_cut_off_is_refused_and_one_that_is_doubled_counts_once(tmp_path):
    path = tmp_path / "index.csv"
    row = "a,0,d,e\n"
    path.write_text(f"folder,seed,digest,evaluation_digest\n{row}{row}")
    assert [job.folder for job in read_index(tmp_path)] == ["a"]
    path.write_text(path.read_text() + "b,0")
    with pytest.raises(FileError, match=r"index\.csv, row 3, is cut off; remove it"):
        read_index(tmp_path)
