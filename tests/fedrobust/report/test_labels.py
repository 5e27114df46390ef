"""What sets runs apart: the keys in which their configurations differ."""

import re

import yaml

from fedrobust.report import collect, grids
from fedrobust.report.labels import FOLLOWS
from tests.conftest import REPOSITORY
from tests.fedrobust.report.runs import write_run


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
    assert [c.labels["centralised"] for c in runs.groups] == ["False", "True"]


def test_a_key_that_an_older_run_lacks_is_shown_with_its_default(tmp_path):
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
        if seed:
            config["tracking"] = {"_target_": "fedrobust.tracking.MLflow"}
            config["choices"]["tracking"] = "mlflow"
        if seed:  # as written by a version that has the key
            config["training"]["shuffle"] = True
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


def test_a_choice_explains_keys_of_its_own_group_alone(tmp_path):
    mine = {"num_rounds": 50, "strategy": {"f": 0, "rule": {"_target_": "Mean"}}}
    other = {"num_rounds": 2, "strategy": {"f": 0, "rule": {"_target_": "Krum"}}}
    write_run(tmp_path, 0.9, 0.5, more=mine)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", more=other)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy", "num_rounds"]
    # One ran for 2 rounds and the other for 50: no table compares them.
    assert grids(runs) == []
    write_run(tmp_path, 0.7, 0.5, strategy="median", more=mine)
    found = {grid.setting: grid.strategies for grid in grids(collect(tmp_path))}
    assert found == {"num_rounds=50": ["fedavg", "median"]}


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


def test_a_run_of_a_version_without_privacy_had_none(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=0)
    write_run(tmp_path, 0.9, 0.5, seed=1, privacy="none")
    assert collect(tmp_path).columns == []
    write_run(tmp_path, 0.9, 0.5, seed=2, privacy="dp_sgd")
    assert collect(tmp_path).columns == ["privacy"]
