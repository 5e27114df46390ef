"""A sweep over training epsilons, from its runs to its page."""

import csv
import json

from tests.end_to_end.command import SMALL, fedrobust


def test_a_sweep_of_real_runs(tmp_path):
    """Standard training at two epsilons is one run, and one row."""
    done = fedrobust(
        "run", "-m", "experiment=epsilon", *SMALL, "training=standard,pgd",
        "training.epsilon=0.1,0.2", "attack.epsilon=[0.1,0.2]", "seed=0",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("epsilon/*/model.keras"))) == 3
    done = fedrobust("epsilon", "epsilon", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("For ε = ") == 3
    folder = tmp_path / "epsilon"
    rows = list(csv.DictReader((folder / "epsilon.csv").open()))
    assert [(r["training"], r["training_epsilon"]) for r in rows] == [
        *[("standard", "none"), ("pgd", "0.1"), ("pgd", "0.2")]
    ]
    result = json.loads(next(folder.glob("*/result.json")).read_text())
    assert {r["num_evaluated"] for r in rows} == {str(result["num_evaluated"])}
    for name in ("epsilon.md", "training_epsilon.png", "clean_against_robust.png"):
        assert (folder / name).is_file()
        assert name in done.stdout
