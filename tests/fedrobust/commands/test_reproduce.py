"""The command `fedrobust reproduce` on a small reproduction."""

import csv
import json

import pytest

from fedrobust.cli import main
from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from fedrobust.reproduce import Results, load_reproduction
from tests.fedrobust.reproduce.toy import command


def test_a_reproduction_runs_resumes_and_writes_its_page(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    assert (row["rule"], row["seed"]) == ("avg", "0")
    (path,) = (toy.parent / "runs").iterdir()
    rows = [json.loads(line) for line in (path / "metrics.jsonl").open()]
    last = [r["clean_accuracy"] for r in rows][-2:]
    assert float(row["accuracy"]) == pytest.approx(100 * sum(last) / 2, abs=1e-9)
    page = (toy / "demo" / "README.md").read_text()
    assert "1 of 4 planned runs are done" in page
    assert "| avg | 50.00 ± 30.00 |" in page
    # 2.5 * 30 * sqrt(1/3 + 1/1)
    assert "| ± 86.60 | 1 of 2 | inside |" in page
    cost = f"about {float(row['minutes']):.0f} minutes"
    assert f"| cm | – | – | – | 0 of 2 | not run ({cost}) |" in page
    assert "The paper's claims are untested for 1 pair of cells. " in page
    index = (toy / "README.md").read_text()
    assert index.startswith("before\n")
    assert index.endswith("after\n")
    numbers = "2 | 1 | 0 | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 1"
    assert f"| [A toy](demo/README.md) | {numbers} |" in index
    # The others follow; what is there stays to the byte.
    assert command(toy, monkeypatch) == 0
    found = list(csv.DictReader(results.open()))
    assert [(r["rule"], r["seed"]) for r in found] == [
        ("avg", "0"), ("avg", "1"), ("cm", "0"), ("cm", "1")
    ]  # fmt: skip
    assert found[0] == row
    assert (toy / "demo" / "figure.png").is_file()
    assert (
        "![ours against the paper's, ± standard deviations over seeds](figure.png)"
        in page
    )
    assert "1 of 4 runs are done" in capsys.readouterr().out
    # And a cell run again gives the same number, or says that it does not.
    check = ("--cells", "rule=cm", "--seeds", "1", "--check")
    assert command(toy, monkeypatch, *check) == 0
    assert "to the bit" in capsys.readouterr().out
    text = results.read_text()
    results.write_text(text.replace(found[3]["accuracy"], "12.5"))
    assert command(toy, monkeypatch, *check) == 1
    assert "DIFFERS\n" in capsys.readouterr().out
    results.write_text(results.read_text().replace(found[3]["processor"], "a 486"))
    assert command(toy, monkeypatch, *check) == 1
    assert "DIFFERS (the row is of a 486, this run of " in capsys.readouterr().out
    monkeypatch.setattr("fedrobust.vectors.widest", lambda: "AVX-512")
    monkeypatch.setattr("fedrobust.vectors.cpu_name", lambda: "a CPU")
    results.write_text(results.read_text().replace("a 486", "a CPU (AVX2) with oneDNN"))
    assert command(toy, monkeypatch, *check) == 1
    said = "; with FEDROBUST_VECTORS=AVX2 it computes the same bits)"
    assert said in capsys.readouterr().out


def test_finished_runs_are_collected_and_two_at_a_time_lose_nothing(toy, monkeypatch):
    reproduction = load_reproduction("demo", toy)
    ours = Results(reproduction)  # of a command that began before the next one
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    path = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(path.open())
    # The same run again, as if the other had made it, and then one row more of ours.
    job = next(j for j in reproduction.jobs if (j.cell, j.seed) == (("cm",), 0))
    config = load_config(compose_run(job.overrides))
    folder = RunFolder(toy.parent / "runs" / config.digest, config)
    run(config, folder.path)
    # As if it had been resumed in its evaluation: two minutes, and one of training.
    (kept,) = folder.path.glob("evaluations/*.json")
    resumed = {"wall_seconds": 120.0, "earlier_seconds": 60.0}
    kept.write_text(json.dumps({**json.loads(kept.read_text()), **resumed}))
    ours.add(job, folder, run(config, folder.path))
    rows = list(csv.DictReader(path.open()))
    assert rows[1]["minutes"] == "3.0"
    assert [r["rule"] for r in rows] == ["avg", "cm"]
    assert rows[0] == row
    path.unlink()
    assert command(toy, monkeypatch, "--collect") == 0
    assert list(csv.DictReader(path.open())) == rows
    assert "2 of 4 planned runs" in (toy / "demo" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cells", "rul=avg"], ["no column 'rul'", "'rule'"]),
        (["--cells", "rule=av"], ["no value 'av'", "'avg'"]),
        (["--seeds", "7"], ["no run is planned", "seed=7"]),
        (["--seeds", "0,7"], ["no run is planned", "seed=7"]),
        (["--collect"], ["--runs", "no such folder"]),
        (["--seeds", "a"], ["--seeds a", "integers"]),
        (["--check"], ["nothing to check"]),
        (["--check", "--page"], ["--page", "not allowed with", "--check"]),
        (["--rule", "avg"], ["--rule", "reproduce --help"]),
    ],
)
def test_mistakes_are_told_in_one_sentence(toy, monkeypatch, capsys, words, said):
    assert command(toy, monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(part in error for part in said)
    assert not (toy / "demo" / "results.csv").exists()


@pytest.mark.parametrize("mode", [[], ["--collect"]])
def test_a_folder_of_something_else_is_left_alone(toy, monkeypatch, capsys, mode):
    (job,) = load_reproduction("demo", toy).select(["rule=avg"], [0])
    folder = toy.parent / "runs" / load_config(compose_run(job.overrides)).digest
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("mine")
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0", *mode) == 2
    assert "holds no run: choose another --runs\n" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_an_unknown_name_is_told(capsys):
    assert main(["reproduce", "karimireddy"]) == 2
    assert "did you mean 'karimireddy2022_bucketing'" in capsys.readouterr().err
