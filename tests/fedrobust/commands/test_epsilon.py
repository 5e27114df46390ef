"""The command `fedrobust epsilon`."""

import csv

import pytest

from fedrobust.cli import main
from tests.fedrobust.report.epsilon.sweeps import SWEEP, changed, write_sweep
from tests.fedrobust.report.runs import write_run


def refused(capsys, *arguments):
    assert main(["epsilon", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_refusals(tmp_path, capsys):
    assert "no such folder" in refused(capsys, tmp_path / "nowhere")
    assert "no finished run" in refused(capsys, tmp_path)
    assert "the following arguments are required: folder" in refused(capsys)
    write_sweep(tmp_path / "one", changed(pgd2=None))
    said = refused(capsys, tmp_path / "one")
    assert "differ in training.epsilon" in said
    assert "there is: 0.1)" in said
    clean = {key: [run[:1] for run in runs] for key, runs in SWEEP.items()}
    for (training, epsilon), ((accuracy,), _) in clean.items():
        made = {"training": training, "epsilon": epsilon}
        write_run(tmp_path / "clean", accuracy, {}, **made)
    assert "attack=pgd" in refused(capsys, tmp_path / "clean")
    write_sweep(tmp_path / "good")
    said = refused(capsys, tmp_path / "good", "--at", "0.14")
    assert "--at=0.14" in said
    assert "0.1 is the nearest of 0.1, 0.2" in said
    assert "--at" in refused(capsys, tmp_path / "good", "--at", "much")
    assert "--at" in refused(capsys, tmp_path / "good", "--at")
    assert "--epsilon" in refused(capsys, tmp_path / "good", "--epsilon", "0.1")
    assert not list(tmp_path.rglob("epsilon.*")), "nothing was written"


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    write_sweep(tmp_path)
    (tmp_path / "epsilon.md").mkdir()
    assert main(["epsilon", str(tmp_path)]) == 2
    assert f"{tmp_path} cannot be written" in capsys.readouterr().err


def test_the_command_prints_and_writes(tmp_path, capsys):
    three = {key: [*runs, runs[0]] for key, runs in SWEEP.items()}
    write_sweep(tmp_path, three, images=1000)
    assert main(["epsilon", str(tmp_path), "--at", "1/5"]) == 0
    said = capsys.readouterr().out
    assert said.count("For ε = ") == 1
    assert "For ε = 0.2, over 3 seeds: choose pgd training at 0.2" in said
    page = (tmp_path / "epsilon.md").read_text()
    assert "For ε = 0.2, over 3 seeds: choose pgd" in page
    rows = list(csv.DictReader((tmp_path / "epsilon.csv").open()))
    assert [(r["training"], r["training_epsilon"]) for r in rows] == [
        *[("standard", "none"), ("noise", "0.1"), ("pgd", "0.1"), ("pgd", "0.2")]
    ]
    assert rows[3]["seeds"] == "0 1 2"
    assert rows[3]["robust_0.2_by_seed"] == "0.64 0.66 0.64"
    assert rows[3]["num_evaluated"] == "1000"
    assert float(rows[3]["robust_0.2"]) == pytest.approx(0.64 + 0.02 / 3)
    assert float(rows[3]["gain_0.2"]) == pytest.approx(0.54 + 0.02 / 3)
    assert float(rows[3]["clean_cost"]) == pytest.approx(0.06)
    # Without --at: a line for each test epsilon, and one over all.
    assert main(["epsilon", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert [
        line.partition(",")[0] for line in said.splitlines() if "For ε" in line
    ] == [*("For ε = 0.1", "For ε = 0.2", "For ε = 0 to 0.2")]


def test_long_tables_are_in_the_files_only(tmp_path, capsys, monkeypatch):
    write_sweep(tmp_path)
    write_sweep(tmp_path, strategy="median")
    monkeypatch.setattr("fedrobust.commands.epsilon.MOST_ROWS", 7)
    assert main(["epsilon", str(tmp_path), "--at", "0.1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "strategy=fedavg"
    assert said[2] == "strategy=median"
    assert said[1].startswith("For ε = 0.1: nothing is recommended yet.")
