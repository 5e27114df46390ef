"""The settings of a reproduction, defaults and all."""

import pytest
import yaml

from fedrobust.reproduce import load_reproduction
from fedrobust.reproduce.settings import changed, settings


def test_settings_show_what_a_value_changes(toy):
    old = {"s": {"rule": {"_target_": "a", "f": 3}, "same": 1}, "gone": 2}
    new = {"s": {"rule": {"_target_": "a", "f": 4}, "same": 1}, "more": {"x": 1}}
    assert dict(changed(old, new)) == {
        "s.rule.f": 4,
        "more": {"x": 1},
        "gone": "(not there)",
    }
    # Another object is shown whole.
    new["s"]["rule"] = {"_target_": "b", "f": 3}
    assert dict(changed(old, new))["s.rule"] == {"_target_": "b", "f": 3}
    # What another column changes is told apart.
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["columns"]["rate"] = {
        "0.1": "training.optimizer.learning_rate=0.1",
        "0.2": "training.optimizer.learning_rate=0.2",
    }
    definition["plan"] = [
        {"rule": "avg", "rate": 0.1, "seeds": [0]},
        {"rule": "cm", "rate": 0.2, "seeds": [0]},
        {"rule": "cm", "rate": 0.1, "seeds": [0]},
    ]
    path.write_text(yaml.safe_dump(definition))
    table = settings(load_reproduction("demo", toy)).splitlines()
    rows = {tuple(line.split(" | ")[:2]): line.split(" | ")[3] for line in table
            if line.startswith("| r")}  # fmt: skip
    assert rows["| rule", "avg"] == rows["| rate", "0.1"] == "nothing |"
    assert "learning_rate" not in rows["| rule", "cm"]
    assert "(rate" not in rows["| rule", "cm"]
    assert "`training.optimizer.learning_rate: 0.2`" in rows["| rate", "0.2"]
    assert "Median" in rows["| rate", "0.2"]
    assert "(rule cm) |" in rows["| rate", "0.2"]


# What the bucketing paper's code has (its exp2 and exp3), in the units of gradients.
BUCKETING = {
    ("attack", "bf"): ("byzantine", {"scale": 1.0}),
    ("attack", "lf"): ("byzantine", {"source": None, "target": None}),
    ("attack", "ipm"): ("byzantine", {"epsilon": 0.1, "factor": None}),
    ("attack", "alie"): (
        "byzantine",
        {"z": None, "sign": 1, "ddof": 1, "statistics": "honest"},
    ),
    ("attack", "mimic"): ("byzantine", {"mode": "variance", "warmup": 1}),
    ("rule", "krum"): ("rule", {"variant": "epfml", "f": 5}),
    ("rule", "rfa"): ("rule", {"iterations": 8, "nu": 0.1, "init": "zeros"}),
    ("rule", "cclip"): ("rule", {"tau": 10.0, "iterations": 3}),
    ("momentum", "0.9"): ("rule", {"tau": 100.0, "iterations": 3}),
}


@pytest.mark.parametrize(("value", "expected"), BUCKETING.items(), ids=str)
def test_the_settings_of_bucketing_are_those_of_its_code(value, expected):
    reproduction = load_reproduction("karimireddy2022_bucketing")
    position = list(reproduction.columns).index(value[0])
    job = next(j for j in reproduction.jobs if j.cell[position] == value[1])
    group, numbers = expected
    said = job.composed
    node = said["byzantine"] if group == "byzantine" else said["strategy"]["rule"]
    assert {name: node[name] for name in numbers} == numbers
    assert (said["num_clients"], said["num_byzantine"]) == (25, 5)
    assert said["num_rounds"] == 600
