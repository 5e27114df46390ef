"""Rows of results, and what they were made with."""

import csv

import pytest

from fedrobust.errors import RunFailedError
from fedrobust.record.folder import RunFolder
from fedrobust.reproduce import Results, load_reproduction
from tests.fedrobust.reproduce.toy import command


def test_other_numbers_of_the_same_run_are_not_thrown_away_unseen(toy, monkeypatch):
    ours = Results(load_reproduction("demo", toy))
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    path = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(path.open())
    changed = path.read_text().replace(row["accuracy"], "12.5")
    path.write_text(changed)
    (job,) = load_reproduction("demo", toy).select(["rule=avg"], [0])
    folder = RunFolder(toy.parent / "runs" / job.config.digest, job.config)
    with pytest.raises(RunFailedError, match=r"its accuracy is 12\.5 where this run"):
        ours.add(job, folder, folder.result())
    assert path.read_text() == changed


def test_doubtful_runs_are_marked_and_another_evaluation_is_another_version(
    toy, monkeypatch, capsys
):
    said = "failed logits; 2 rounds skipped"
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    assert row["trouble"] == ""
    marked = results.read_text().replace(
        f"{row['accuracy']},", f"{row['accuracy']},{said}"
    )
    results.write_text(marked)
    assert command(toy, monkeypatch, "--page") == 0
    assert f"(seed 0: {said}) |" in (toy / "demo" / "README.md").read_text()
    other = results.read_text().replace(row["evaluation_digest"], "0123456789abcdef")
    results.write_text(other)
    assert command(toy, monkeypatch, "--page") == 2
    assert "another version of this experiment" in capsys.readouterr().err
