"""The head of a report: what was run, and what varies."""

import pytest

from fedrobust.report import collect
from fedrobust.report.head import head, varies
from tests.fedrobust.report.runs import change_result, write_run


def lines(folder) -> dict[str, str]:
    return dict(head(collect(folder)))


def test_what_was_run_is_said_and_values_that_vary_are_joined(tmp_path):
    for rule in ("fedavg", "krum"):
        for seed in (0, 1):
            more = {
                "num_clients": 10, "num_byzantine": 2, "num_rounds": 5,
                "attack": {"methods": {"pgd": {"norm": "linf"}}},
            }  # fmt: skip
            write_run(tmp_path, 0.9, {"0.1": 0.5, "0.2": 0.3}, strategy=rule, seed=seed,
                      dataset="digits", model="mlp", partition="dirichlet",
                      digest=f"{rule}{seed}", more=more)  # fmt: skip
    found = lines(tmp_path)
    assert found["data set"] == "digits"
    assert found["clients"] == "10 (Byzantine 2)"
    assert found["partition"] == "dirichlet (alpha 1.0)"
    assert found["aggregation"] == "fedavg, krum"
    assert found["ε of the evaluation"] == "0.1, 0.2"
    assert (found["runs"], found["seeds"]) == ("4", "0, 1")
    assert found["test images"] == "100"
    assert found["wall time"] == "0.1 minutes in all, 1.0 s a run (median)"
    assert varies(collect(tmp_path)) == [("strategy", "fedavg, krum")]


def test_versions_and_machines_are_those_of_the_results(tmp_path):
    for seed, (keras, cores) in enumerate((("3.14", 2), ("3.15", 8))):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        environment = {"keras": keras, "machine": "x86_64", "cores": cores}
        change_result(tmp_path, str(seed), environment=environment)
    found = lines(tmp_path)
    assert found["versions"] == "keras 3.14, 3.15"
    assert found["machines"] == "x86_64, 2 cores, x86_64, 8 cores"


def test_what_is_unknown_has_no_line(tmp_path):
    write_run(tmp_path, 0.9, {})
    found = lines(tmp_path)
    assert not {"data set", "model", "clients", "norm", "machines", "partition"} & {
        *found
    }
    assert all(found.values())


def test_many_values_are_counted(tmp_path):
    for number in range(20):
        write_run(tmp_path, 0.9, 0.5, strategy=f"rule_{number:02}")
    ((name, values),) = varies(collect(tmp_path))
    assert name == "strategy"
    assert values.startswith("20 values: rule_00, ")
    assert values.endswith("rule_11, ...")


@pytest.mark.parametrize(
    ("seconds", "said"), [(60, "2.0 minutes"), (7200, "4.0 hours")]
)
def test_wall_time_is_in_minutes_or_hours(tmp_path, seconds, said):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        change_result(tmp_path, str(seed), wall_seconds=float(seconds))
    assert lines(tmp_path)["wall time"].startswith(f"{said} in all")


def test_training_has_the_epsilons_that_its_objectives_use(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    assert lines(tmp_path)["training"] == "standard"
    epsilon = 8 / 255
    write_run(tmp_path, 0.9, 0.5, training="pgd", epsilon=epsilon,
              objective={"epsilon": epsilon})  # fmt: skip
    assert lines(tmp_path)["training"] == "standard, pgd (ε 0.03137)"
