"""A sweep over training epsilons, from its runs to its page."""

import csv
import json

from fedrobust.cli import main
from tests.end_to_end.command import SMALL


def test_a_sweep_of_real_runs(tmp_path, monkeypatch, capsys):
    """Standard training at two epsilons is one run, and one row."""
    monkeypatch.chdir(tmp_path)
    sweep = [
        "run", "-m", "experiment=epsilon", *SMALL, "training=standard,pgd",
        "training.epsilon=0.1,0.2", "attack.epsilon=[0.1,0.2]", "seed=0",
    ]  # fmt: skip
    assert main(sweep) == 0
    assert len(list(tmp_path.glob("epsilon/*/model.keras"))) == 3
    capsys.readouterr()
    assert main(["epsilon", "epsilon"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("For ε = ") == 3
    folder = tmp_path / "epsilon"
    rows = list(csv.DictReader((folder / "epsilon.csv").open()))
    assert [(r["training"], r["training_epsilon"]) for r in rows] == [
        *[("standard", "none"), ("pgd", "0.1"), ("pgd", "0.2")]
    ]
    result = json.loads(next(folder.glob("*/result.json")).read_text())
    assert {r["num_evaluated"] for r in rows} == {str(result["num_evaluated"])}
    for name in ("epsilon.md", "training_epsilon.png", "clean_against_robust.png"):
        assert (folder / name).is_file()
        assert name in printed
