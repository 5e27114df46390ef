"""Reports say what the runs say."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from fedrobust.cli import main
from fedrobust.report import (
    MissingResultsError,
    collect,
    draw_figures,
    grids,
    markdown,
    robustness_table,
    write_csv,
)
from fedrobust.report.column import Column
from fedrobust.report.columns import checks
from fedrobust.report.groups import clean_accuracy, worst_accuracy_at
from fedrobust.report.labels import FOLLOWS
from tests.conftest import REPOSITORY


def write_run(
    folder: Path,
    clean: float,
    robust: float | dict[str, float],
    *,
    objective: dict | None = None,
    images: int = 100,
    failed: bool = False,
    more: dict | None = None,
    **config,
) -> None:
    """Write what a run leaves; ``config`` are choices, and the seed."""
    seed = config.pop("seed", 0)
    worst = robust if isinstance(robust, dict) else {"0.1": robust}
    name = "-".join([*map(str, config.values()), str(seed)])
    name += "".join(map(str, (more or {}).values()))
    path = folder / name
    path.mkdir(parents=True)
    choices = {"training": "standard", "byzantine": "none", "strategy": "fedavg"}
    document = {
        "config_digest": name,
        "seed": seed,
        "partition": {"seed": seed, "alpha": 1.0},
        "dataset": {"num_classes": 10},
        "training": {"epsilon": config.pop("epsilon", None), "objective": objective},
        "choices": {**choices, **config},
        **(more or {}),
    }
    (path / "config.yaml").write_text(yaml.safe_dump(document))
    result = {
        "config_digest": name,
        "seed": seed,
        "num_rounds": 2,
        "clean_accuracy": clean,
        "worst_robust_accuracy": worst,
        "num_evaluated": images,
        "checks": {
            "within_ball": {"status": "fail" if failed else "pass"},
            "other": {"status": "not_run"},
        },
        "bytes_down": 2_000_000,
        "bytes_up": 2_000_000,
        "wall_seconds": 1.0,
    }
    result |= {"attack": {"epsilon": 0.1}, "choices": document["choices"]}
    (path / "evaluations").mkdir()
    (path / "evaluations" / "e.json").write_text(json.dumps(result))


def test_mean_and_standard_deviation_over_seeds(tmp_path):
    for seed, clean in enumerate((0.90, 0.92, 0.94)):
        write_run(tmp_path, clean, 0.5, seed=seed)
        write_run(tmp_path, clean / 2, 0.1, strategy="krum", seed=seed)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy"]
    assert [group.labels["strategy"] for group in runs.groups] == ["fedavg", "krum"]
    fedavg = runs.groups[0]
    assert fedavg.seeds == [0, 1, 2]
    assert fedavg.mean(clean_accuracy) == pytest.approx(0.92)
    assert fedavg.std(clean_accuracy) == pytest.approx(0.02)
    text = markdown(runs)
    assert "| fedavg | 3 | 92.0 ± 2.0 | 50.0 ± 0.0 | 3 of 6 | 2.00 | 1.0 |" in text
    assert "over seeds" in text


def test_one_seed_has_no_spread_and_not_run_is_not_passed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (group,) = collect(tmp_path).groups
    assert group.std(clean_accuracy) is None
    assert checks(group.results) == "1 of 2"
    assert "±" not in markdown(collect(tmp_path)).splitlines()[2]


def test_a_failed_check_is_shown(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    assert "FAILED: within_ball" in markdown(collect(tmp_path))


def test_doubtful_runs_have_a_star_wherever_they_count(tmp_path):
    from fedrobust.report.figures import heat_map

    write_run(tmp_path, 0.95, 0.5)
    write_run(tmp_path, 0.90, 0.5, byzantine="alie", failed=True)
    write_run(tmp_path, 0.85, 0.5, byzantine="sign_flip")
    write_run(tmp_path, 0.88, 0.5, strategy="krum")
    write_run(tmp_path, 0.80, 0.5, strategy="krum", byzantine="alie")
    path = next(tmp_path.glob("krum-0/evaluations/*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "skipped_rounds": 2}))
    runs = collect(tmp_path)
    text = markdown(runs)
    # The worst of fedavg is that of a good run, but the doubtful might be worse.
    assert "| fedavg | 0.0 | 95.0 | 90.0* | 85.0 | 85.0* |" in text
    assert "| krum | 7.0* | 88.0* | 80.0 | – | – |" in text
    assert "| 1 of 2; SKIPPED 2 rounds |" in text
    said = "A run behind it failed a check or skipped rounds"
    assert text.count(said) == 1
    grid = grids(runs)[0]
    assert said in robustness_table(grid).caption
    figure = heat_map([grid])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["95", "90*", "85", "85*", "88*", "80", "–", "–"]
    assert said in figure.get_supxlabel()
    write_run(tmp_path / "good", 0.9, 0.5)
    write_run(tmp_path / "good", 0.9, 0.5, strategy="krum")
    assert "*" not in markdown(collect(tmp_path / "good")).replace("**", "")


def test_the_worst_client_and_the_spread_over_clients_are_shown(tmp_path):
    for seed, worst in ((0, 0.70), (1, 0.80)):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / str(seed) / "evaluations" / "e.json"
        result = json.loads(path.read_text())
        result["federated"] = {
            "worst_client": {"clean_accuracy": worst},
            "spread": {"clean_accuracy": worst / 10},
        }
        path.write_text(json.dumps(result))
    write_run(tmp_path, 0.8, 0.5, strategy="krum", seed=0)
    text = markdown(collect(tmp_path))
    assert "| ε=0.1 | worst client / spread |" in text
    # (70 + 80) / 2 and (7 + 8) / 2; a run whose clients held nothing out has none.
    assert "| 50.0 ± 0.0 | 75.0 / 7.5 |" in text
    assert "| 50.0 | – / – |" in text


def test_different_seeds_and_unfinished_runs_are_pointed_out(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=0)
    write_run(tmp_path, 0.9, 0.5, seed=1)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", seed=0)
    write_run(tmp_path, 0.8, 0.5, strategy="median", seed=0)
    (tmp_path / "median-0" / "evaluations" / "e.json").unlink()
    runs = collect(tmp_path)
    text = markdown(runs)
    assert "different seeds" in text
    assert "1 runs are not finished" in text


def test_what_no_choice_explains_gets_a_column(tmp_path):
    for epsilon in (0.1, 0.2):
        write_run(tmp_path, 0.9, epsilon, training="pgd", epsilon=epsilon)
    runs = collect(tmp_path)
    assert runs.columns == ["training.epsilon"]
    assert [c.labels["training.epsilon"] for c in runs.groups] == ["0.1", "0.2"]


def test_centralised_training_is_told_apart_whatever_else_differs(tmp_path):
    write_run(tmp_path, 0.9, 0.1, attack="pgd")
    write_run(tmp_path, 0.95, 0.1, attack="none")
    (path,) = tmp_path.glob("*none*/config.yaml")
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**document, "centralised": True}))
    runs = collect(tmp_path)
    assert runs.columns == ["centralised", "attack"]
    assert [c.labels["centralised"] for c in runs.groups] == ["", "True"]


def test_csv_has_a_row_a_run(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.7, 0.3, byzantine="alie", seed=seed)
    write_csv(collect(tmp_path), tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [(r["byzantine"], r["seed"], r["clean"], r["robust_0.1"]) for r in rows] == [
        ("none", "0", "0.9", "0.5"),
        ("none", "1", "0.9", "0.5"),
        ("alie", "0", "0.7", "0.3"),
        ("alie", "1", "0.7", "0.3"),
    ]


def test_figures_are_drawn_and_repeat_to_the_byte(tmp_path):
    for strategy in ("fedavg", "krum"):
        for training in ("standard", "pgd"):
            for byzantine in ("none", "alie"):
                write_run(
                    tmp_path / "runs", 0.9, 0.5,
                    strategy=strategy, training=training, byzantine=byzantine,
                )  # fmt: skip
    runs = collect(tmp_path / "runs")
    first = draw_figures(runs, tmp_path)
    assert [p.name for p in first] == ["heatmap.png", "epsilon.png"]
    before = [p.read_bytes() for p in first]
    assert [p.read_bytes() for p in draw_figures(runs, tmp_path)] == before
    assert all(b.startswith(b"\x89PNG") for b in before)


def test_a_missing_cell_is_marked_not_guessed(tmp_path):
    from fedrobust.report.figures import heat_map

    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.4, strategy="krum", byzantine="alie")
    texts = [t.get_text() for t in heat_map(grids(collect(tmp_path))).axes[0].texts]
    # fedavg: none 90, alie missing, worst unknown; krum: none missing, alie 80.
    assert texts == ["90", "–", "–", "–", "80", "80"]


def test_the_robustness_tax_and_the_worst_case_by_hand(tmp_path):
    accuracies = {
        "fedavg": {"none": 0.95, "alie": 0.90, "sign_flip": 0.10},
        "krum": {"none": 0.88, "alie": 0.70, "sign_flip": 0.85},
    }
    for strategy, row in accuracies.items():
        for byzantine, clean in row.items():
            write_run(tmp_path, clean, 0.5, strategy=strategy, byzantine=byzantine)
    runs = collect(tmp_path)
    grid = grids(runs)[0]
    assert grid.title == "clean accuracy"
    assert grid.strategies == ["fedavg", "krum"]
    assert grid.attacks == ["none", "alie", "sign_flip"]
    np.testing.assert_allclose(grid.tax, [0, 0.07])
    np.testing.assert_allclose(grid.worst, [0.10, 0.70])
    assert grid.worst_attacks == ["sign_flip", "alie"]
    text = markdown(runs)
    assert "| strategy | tax | none | alie | sign_flip | worst |" in text
    assert "| krum | 7.0 | 88.0 | 70.0 | 85.0 | 70.0 |" in text
    table = robustness_table(grid)
    assert [[*map(str, column.cells)] for column in table.columns][1:] == [
        ["95.0", "88.0"], ["0.0", "7.0"], ["10.0", "70.0"], ["sign_flip", "alie"],
    ]  # fmt: skip


def test_backdoor_success_is_the_worst_where_it_is_greatest(tmp_path):
    for byzantine, success in (("none", None), ("backdoor", 0.2), ("dba", 0.9)):
        write_run(tmp_path, 0.9, 0.5, byzantine=byzantine)
        path = next(tmp_path.glob(f"{byzantine}-0/evaluations/*.json"))
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "backdoor_success": success}))
    grid = grids(collect(tmp_path))[-1]
    assert grid.attacker_gains
    assert grid.attacks == ["backdoor", "dba"]
    assert grid.worst == pytest.approx([0.9])
    assert grid.worst_attacks == ["dba"]


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(MissingResultsError, match="no finished run"):
        collect(tmp_path)


def test_foreign_files_and_other_sweeps_are_passed_over(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "config.yaml").write_text("a: 1")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "config.yaml").write_text("[1]")
    assert len(collect(tmp_path).groups) == 1
    with pytest.raises(MissingResultsError):
        collect(tmp_path, {"another digest"})


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


def test_a_key_that_came_later_is_shown_with_what_was_before(tmp_path):
    for seed, shuffle in enumerate((None, True, False)):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / f"{seed}/config.yaml"
        config = yaml.safe_load(path.read_text())
        if shuffle is not None:
            config["training"]["shuffle"] = shuffle
        path.write_text(yaml.safe_dump(config))
    groups = collect(tmp_path).groups
    assert [(c.labels["training.shuffle"], c.seeds) for c in groups] == [
        ("False", [2]),
        ("True", [0, 1]),
    ]


def test_where_a_run_was_carried_out_sets_nothing_apart(tmp_path):
    for seed, workers in enumerate((2, 4)):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / f"{seed}/config.yaml"
        config = yaml.safe_load(path.read_text())
        config["runtime"] = {"workers": workers}
        config["choices"]["runtime"] = ("local", "ray")[seed]
        if seed:  # as written by a version that has the key
            config["training"]["dropout_masks"] = "client"
        path.write_text(yaml.safe_dump(config))
    (group,) = collect(tmp_path).groups
    assert group.seeds == [0, 1]


def test_what_is_trained_by_one_program_is_set_apart(tmp_path):
    for seed, cohort in enumerate((1, 5)):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / f"{seed}/config.yaml"
        config = yaml.safe_load(path.read_text()) | {"runtime": {"cohort": cohort}}
        path.write_text(yaml.safe_dump(config))
    assert collect(tmp_path).columns == ["runtime.cohort"]


def test_the_heat_map_never_averages_different_experiments(tmp_path):
    from fedrobust.report.figures import heat_map

    for epsilon in (0.1, 0.2):
        write_run(tmp_path, epsilon, 0.5, strategy="krum", epsilon=epsilon)
    write_run(tmp_path, 0.9, 0.5)
    texts = [t.get_text() for t in heat_map(grids(collect(tmp_path))).axes[0].texts]
    # fedavg has one run and nobody attacks; krum has two that differ in epsilon.
    assert texts == ["90", "–", "–", "–"]


def test_the_training_epsilon_is_the_objectives(tmp_path):
    # training.epsilon has no effect on standard training: these are two seeds of one
    # experiment, whatever the sweep that ran them said.
    write_run(tmp_path, 0.9, 0.5, epsilon=0.1, objective={})
    write_run(tmp_path, 0.9, 0.5, epsilon=0.3, objective={}, seed=1)
    for epsilon in (0.1, 0.3):
        made = {"training": "pgd", "objective": {"epsilon": epsilon}}
        write_run(tmp_path, 0.9, 0.5, epsilon=epsilon, **made)
    runs = collect(tmp_path)
    assert runs.columns == ["training", "training.epsilon"]
    assert [(*c.labels.values(), c.seeds) for c in runs.groups] == [
        ("standard", "none", [0, 1]),
        ("pgd", "0.1", [0]),
        ("pgd", "0.3", [0]),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"a: ["),
        ("config.yaml", b"\xff"),
        ("config.yaml", b"config_digest: x\n"),
        ("config.yaml", b"config_digest: x\ntraining: {}\nruntime: local\n"),
        ("evaluations/e.json", b""),
        ("evaluations/e.json", b'{"seed": 0'),
        ("evaluations/e.json", b"[]"),
        ("evaluations/e.json", b"{}"),
        ("result.json", b"{"),
        ("error-7.json", b"{"),
    ],
)
def test_one_broken_file_costs_a_report_no_more_than_itself(tmp_path, name, content):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
    path = tmp_path / "1" / name
    path.write_bytes(content)
    runs = collect(tmp_path)
    (told,) = runs.unreadable
    assert told.startswith(str(path))
    lost = name.startswith(("config", "evaluations"))
    assert [group.seeds for group in runs.groups] == [[0] if lost else [0, 1]]
    assert f"1 files are left out: {told}." in markdown(runs)
    shutil.rmtree(tmp_path / "0")
    if lost:
        with pytest.raises(MissingResultsError, match=re.escape(str(path))):
            collect(tmp_path)


def test_a_report_names_what_failed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    for name, digest in (("1", "one"), ("2", "two")):
        (tmp_path / name).mkdir()
        attempt = {"config_digest": digest, "error": f"no memory {digest}"}
        (tmp_path / name / "error-e.json").write_text(json.dumps(attempt))
    text = markdown(collect(tmp_path))
    told = [f"{tmp_path / n} (no memory {d})" for n, d in (("1", "one"), ("2", "two"))]
    assert f"2 runs failed: {'; '.join(told)}." in text
    text = markdown(collect(tmp_path, {"0", "two"}))
    assert f"1 runs failed: {told[1]}." in text


def test_only_a_result_that_was_refused_is_no_number_of_the_table(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (stored,) = tmp_path.glob("*/evaluations/*.json")
    path = tmp_path / "0" / f"error-{stored.stem}.json"
    for refused in ([], ["of something else"]):
        attempt = {"error": "no such data set", "refused_results": refused}
        path.write_text(json.dumps(attempt))
        runs = collect(tmp_path)
        assert [group.seeds for group in runs.groups] == [[0]]
        assert "1 runs failed: " in markdown(runs)
    # By the file's name, or by what it says: a later version may name it otherwise.
    later = {**json.loads(stored.read_text()), "evaluation_digest": "named before"}
    stored.write_text(json.dumps(later))
    for name in (stored.stem, "named before"):
        attempt = {"error": "other data", "refused_results": ["newer name", name]}
        path.write_text(json.dumps(attempt))
        with pytest.raises(MissingResultsError, match=r"failed: .*other data"):
            collect(tmp_path)


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
    assert "new0, new1, old0, old1 agree in every key and in the seed" in markdown(runs)
    # They make no number of a table of rules, either.
    (grid, *_) = grids(runs)
    assert np.isnan(grid.without_attacker[grid.strategies.index("fedavg")])


def test_partitions_of_another_seed_are_no_clash(tmp_path):
    for draw in (0, 1):
        partition = {"partition": {"seed": draw, "alpha": 1.0}}
        write_run(tmp_path, 0.9, 0.5, more=partition)
    runs = collect(tmp_path)
    assert runs.clashing == []
    assert len(runs.groups) == 1


def test_a_report_says_which_versions_differ(tmp_path):
    for seed, flwr in enumerate(("1.40.0", "1.41.0", "1.41.0")):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / str(seed) / "evaluations" / "e.json"
        result = json.loads(path.read_text())
        result |= {"environment": {"flwr": flwr, "keras": "3.15.1"}}
        result |= {"other_versions": {"code": ["a", "b"]} if seed else {}}
        path.write_text(json.dumps(result))
    text = markdown(collect(tmp_path))
    assert "Trained with different flwr (1.40.0, 1.41.0)." in text
    told = "2 runs were trained with other versions than they were last asked for with"
    assert f"{told}: other code of fedrobust" in text


def test_a_copy_of_a_run_is_no_other_seed(tmp_path):
    write_run(tmp_path / "one", 0.9, 0.5)
    write_run(tmp_path / "two", 0.9, 0.5)
    (group,) = collect(tmp_path).groups
    assert group.seeds == [0]


def test_a_choice_explains_keys_of_its_own_group_alone(tmp_path):
    mine = {"num_rounds": 50, "strategy": {"f": 0, "rule": {"_target_": "Mean"}}}
    other = {"num_rounds": 2, "strategy": {"f": 0, "rule": {"_target_": "Krum"}}}
    write_run(tmp_path, 0.9, 0.5, more=mine)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", more=other)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy", "num_rounds"]
    (grid, _) = grids(runs)
    assert np.isnan(grid.values).all()
    assert np.isnan(grid.tax).all()
    assert "No numbers: its runs differ in num_rounds, too." in markdown(runs)
    assert str(robustness_table(grid).caption).startswith("No numbers")


def test_the_size_of_a_run_is_shown_whatever_preset_set_it(tmp_path):
    sizes = {
        "num_rounds": 2, "num_clients": 2, "num_byzantine": 2,
        "dataset": {"num_train": 2}, "training": {"epsilon": None, "momentum": 0.9},
    }  # fmt: skip
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.5, debug="short", more=sizes)
    assert collect(tmp_path).columns == [
        "debug", "num_byzantine", "num_clients", "num_rounds", "dataset.num_train",
    ]  # fmt: skip


def test_what_a_data_set_sets_elsewhere_is_explained(tmp_path):
    for dataset, side, epsilon in (("mnist", 28, 0.3), ("cifar10", 32, 0.03)):
        model = {"input_shape": [side, side]}
        training = {"epsilon": epsilon}
        write_run(tmp_path, 0.9, 0.5, dataset=dataset,
                  more={"model": model, "training": training})  # fmt: skip
    assert collect(tmp_path).columns == ["dataset"]


def test_every_group_that_conf_follows_is_known():
    conf = REPOSITORY / "conf"
    for path in conf.glob("*/**/*.yaml"):
        group = path.relative_to(conf).parts[0]
        followed = re.findall(r"\$\{([a-z_]+)\.", path.read_text(encoding="utf-8"))
        known = {group, "experiment", "debug", *FOLLOWS.get(group, ())}
        assert {*followed} <= known, path


@pytest.mark.parametrize("name", ["report.md", "report.csv", "heatmap.png"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys, name):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum")
    (tmp_path / name).mkdir()
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"fedrobust: {tmp_path} cannot be written" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob(".*"))


def test_a_report_that_is_torn_leaves_the_old_one(tmp_path, monkeypatch):
    write_run(tmp_path, 0.9, 0.5)
    runs = collect(tmp_path)
    path = tmp_path / "report.csv"
    write_csv(runs, path)
    before = path.read_bytes()

    def missing(group):
        raise KeyError("no such figure")

    with monkeypatch.context() as patched:
        patched.setattr("fedrobust.report.columns.FIGURES", [Column("x", missing)])
        with pytest.raises(KeyError):
            write_csv(runs, path)
    assert path.read_bytes() == before
    figure = tmp_path / "epsilon.png"
    draw_figures(runs, tmp_path)
    before = figure.read_bytes()

    def tear(self, file, **more):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", tear)
    with pytest.raises(OSError, match="no space"):
        draw_figures(runs, tmp_path)
    assert figure.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_no_figure_of_other_runs_stays_beside_a_report(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum")
    names = {"heatmap.png", "epsilon.png"}
    assert {p.name for p in draw_figures(collect(tmp_path), tmp_path)} == names
    # With these, runs differ in more ways than a figure has axes.
    sizes = {"num_rounds": 2, "num_clients": 2, "num_byzantine": 2}
    write_run(tmp_path, 0.8, 0.5, more=sizes)
    assert draw_figures(collect(tmp_path), tmp_path) == []
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    "value",
    ["[/x]", "[red]", "a|b", "two\nlines", "<script>alert(1)</script>", "$\\x$",
     "a*b*c", "`code`", "_private_", "\x1b[2Jgone", "[a](http://b)", "~~a~~"],
)  # fmt: skip
def test_values_are_shown_as_they_are(tmp_path, capsys, value):
    for clean, name in ((0.9, value), (0.8, "other")):
        more = {"model": {"path": name}}
        for byzantine in ("none", "alie", "ipm"):
            path = tmp_path / f"{clean}-{byzantine}"
            write_run(path, clean, 0.5, byzantine=byzantine, more=more)
    assert main(["report", str(tmp_path)]) == 0
    seen = value.replace("\n", " ").replace("\x1b", "\\x1b")
    said = capsys.readouterr().out
    assert seen in said
    assert "\x1b" not in said
    text = (tmp_path / "report.md").read_text()
    table = next(part for part in text.split("\n\n") if "| checks |" in part)
    names, _, *rows = table.splitlines()
    unescaped = [re.sub(r"\\.", "", line) for line in (names, *rows)]
    # The table has the same columns in every line, and nothing left for Markdown.
    assert len({line.count("|") for line in unescaped}) == 1
    assert not re.search(r"[`<\[~$]|\*\S|\b_", "".join(unescaped))
    assert any(seen in re.sub(r"\\(.)", r"\1", line) for line in rows)
    with (tmp_path / "report.csv").open(newline="") as file:
        assert value in {row["model.path"] for row in csv.DictReader(file)}


def test_choices_are_drawn_and_tabled_as_they_are(tmp_path, capsys):
    for strategy in ("[/x]", "$\\frac$", "a|b"):
        for byzantine in ("none", "<b>", "alie"):
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
            write_run(path, 0.9, 0.5, strategy=strategy, byzantine=byzantine)
    assert main(["report", str(tmp_path)]) == 0
    assert "[/x]" in capsys.readouterr().out
    text = (tmp_path / "report.md").read_text()
    assert "\\<b\\>" in text
    assert "a\\|b" in text
    assert (tmp_path / "heatmap.png").is_file()


def test_warnings_of_runs_are_told_with_how_many_had_them(tmp_path, capsys):
    for seed in range(3):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
    for path in tmp_path.glob("*/evaluations/*.json"):
        result = json.loads(path.read_text())
        result["warnings"] = ["z=0: no attack"] + ["f < b"] * (result["seed"] == 1)
        path.write_text(json.dumps(result))
    assert main(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "warning: z=0: no attack (3 of 3 runs)\nwarning: f < b (1 of 3 runs)" in said
    text = (tmp_path / "report.md").read_text()
    assert "- z=0: no attack (3 of 3 runs)\n- f \\< b (1 of 3 runs)" in text


def write_rounds(folder: Path, accuracies: list[float]) -> Path:
    """Write metrics.jsonl of the one run in a folder."""
    (config,) = folder.rglob("config.yaml")
    path = config.with_name("metrics.jsonl")
    counts = dict.fromkeys(("bytes_down", "bytes_up", "quarantined", "failed"), 0)
    parts = ("train_seconds", "aggregate_seconds", "evaluate_seconds")
    rows = [
        {"round": r, "clean_accuracy": a, **counts, **dict.fromkeys(parts, 0.0)}
        for r, a in enumerate(accuracies, start=1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_rounds_of_a_run_are_collected_with_its_result(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_rounds(tmp_path, [0.4, 0.9])
    ((run,),) = [group.runs for group in collect(tmp_path).groups]
    assert [(row.round, row.clean_accuracy) for row in run.rounds] == [
        (1, 0.4),
        (2, 0.9),
    ]
    assert run.rounds[-1].clean_accuracy == run.result.clean_accuracy


@pytest.mark.parametrize("accuracies", [[0.4], [0.4, 0.6, 0.9], ["x", 0.9]])
def test_rounds_that_are_torn_cost_a_report_the_rounds_alone(tmp_path, accuracies):
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, accuracies)
    runs = collect(tmp_path)
    ((run,),) = [group.runs for group in runs.groups]
    assert (run.rounds, run.result.clean_accuracy) == ([], 0.9)
    (told,) = runs.unreadable
    assert told.startswith(str(path))
    assert told.endswith("restore or remove it")
