"""Finished runs: which are one experiment, and which of its seeds count."""

import json
import os

import pytest
import yaml

from fedrobust.report import MissingResultsError, collect, grids
from fedrobust.report.finished_run import clean_accuracy, worst_accuracy_at
from tests.fedrobust.report.runs import report_text, write_run


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(MissingResultsError, match="no finished run"):
        collect(tmp_path)


def test_every_evaluation_of_a_run_is_a_row(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (path,) = tmp_path.rglob("e.json")
    other = json.loads(path.read_text())
    other["choices"]["attack"] = "fgsm"
    other["attack"]["methods"] = {"fgsm": {}}
    path.with_name("f.json").write_text(json.dumps(other))
    runs = collect(tmp_path)
    assert runs.columns == ["attack"]
    assert len(runs.groups) == 2


def test_an_evaluation_with_other_checks_is_no_other_seed(tmp_path):
    """Of seed 0 the one that was asked for last counts, 0.5; it was 0.7 before."""
    for seed, robust in ((0, 0.7), (1, 0.3)):
        write_run(tmp_path, 0.9, robust, seed=seed, failed=seed == 0)
    path = tmp_path / "0/evaluations/e.json"
    last = json.loads(path.read_text()) | {"worst_robust_accuracy": {"0.1": 0.5}}
    last["checks"] = {}
    for name in ("evaluations/f.json", "result.json"):
        (path.parents[1] / name).write_text(json.dumps(last))
    path = tmp_path / "0/config.yaml"
    config = yaml.safe_load(path.read_text()) | {"checks": "none"}
    path.write_text(yaml.safe_dump(config))
    (group,) = collect(tmp_path).groups
    assert group.seeds == [0, 1]
    assert group.mean(worst_accuracy_at("0.1")) == pytest.approx(0.4)
    assert group.failed_checks == ["within_ball"]


def test_after_an_evaluation_by_another_attack_the_last_one_still_counts(tmp_path):
    write_run(tmp_path, 0.9, 0.7)
    folder = tmp_path / "0/evaluations"
    first = json.loads((folder / "e.json").read_text())
    again = first | {"worst_robust_accuracy": {"0.1": 0.5}}
    other = first | {"attack": {"epsilon": 0.2}, "worst_robust_accuracy": {"0.2": 0.1}}
    for age, (name, result) in enumerate({"z": other, "d": again, "e": first}.items()):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(result))
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "0/result.json").write_text(json.dumps(other))
    found = [c.values(worst_accuracy_at("0.1")) for c in collect(tmp_path).groups]
    assert found == [[0.5], []]


def test_experiments_that_agree_in_every_key_and_seed_are_no_two_seeds(tmp_path):
    """As they do when a module of the user's was edited between two sweeps."""
    for name, (one, other) in {"old": (0.9, 0.8), "new": (0.5, 0.4)}.items():
        for seed, clean in enumerate((one, other)):
            write_run(tmp_path / name, clean, 0.3, seed=seed)
            path = tmp_path / name / str(seed) / "config.yaml"
            config = yaml.safe_load(path.read_text())
            config["config_digest"] = f"{name}{seed}"
            path.write_text(yaml.safe_dump(config))
    write_run(tmp_path, 0.7, 0.3, strategy="krum")
    runs = collect(tmp_path)
    found = {c.labels["digest"]: c.mean(clean_accuracy) for c in runs.groups}
    assert found == {"old0": 0.9, "old1": 0.8, "new0": 0.5, "new1": 0.4, "": 0.7}
    assert all(group.std(clean_accuracy) is None for group in runs.groups)
    assert "new0, new1, old0, old1 agree in every key and in the seed" in report_text(
        runs
    )
    # They make no number of a table of rules, either.
    assert grids(runs) == []


def test_partitions_of_another_seed_are_no_clash(tmp_path):
    for draw in (0, 1):
        partition = {"partition": {"seed": draw, "alpha": 1.0}}
        write_run(tmp_path, 0.9, 0.5, more=partition)
    runs = collect(tmp_path)
    assert runs.clashing == []
    assert len(runs.groups) == 1


def test_a_copy_of_a_run_is_no_other_seed(tmp_path):
    write_run(tmp_path / "one", 0.9, 0.5)
    write_run(tmp_path / "two", 0.9, 0.5)
    (group,) = collect(tmp_path).groups
    assert group.seeds == [0]
