"""Measures of results and of rounds by their names, by hand."""

import pytest

from fedrobust.report import collect
from fedrobust.report.measures import (
    measure,
    middle,
    numbers_of,
    numbers_of_round,
)
from tests.fedrobust.report.runs import change_result, write_rounds, write_run


def numbers(folder, epsilon="0.1") -> dict[str, float]:
    ((run,),) = [group.runs for group in collect(folder).groups]
    return numbers_of(run.result, epsilon)


def test_every_number_of_a_result_is_a_measure_by_its_keys(tmp_path):
    write_run(tmp_path, 0.9, {"0.1": 0.5, "0.2": 0.3})
    change_result(
        tmp_path, "0", robust_accuracy={"pgd": {"0.1": 0.6}}, backdoor_success=0.25
    )
    found = numbers(tmp_path)
    assert found["clean_accuracy"] == 0.9
    assert found["robust_accuracy.pgd.0.1"] == 0.6
    assert found["worst_robust_accuracy.0.2"] == 0.3
    assert found["backdoor_success"] == 0.25
    assert found["megabytes_a_round"] == 2
    # That under all attacks together, at the epsilon that was asked for.
    assert found["robust_accuracy"] == 0.5
    assert numbers(tmp_path, "0.2")["robust_accuracy"] == 0.3
    assert "robust_accuracy" not in numbers(tmp_path, None)


def test_what_is_no_measure_of_a_run_is_none(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=7)
    change_result(tmp_path, "7", environment={"cores": 4}, attack={"epsilon": 0.3})
    found = numbers(tmp_path)
    assert not {"seed", "num_rounds", "environment.cores", "attack.epsilon"} & {*found}
    assert all(type(value) is float for value in found.values())


def test_the_measures_of_classes_have_short_names(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    clean = {"macro_f1": 0.8, "loss": 0.3, "class_accuracy": [0.7, None],
             "balanced_accuracy": 0.7}  # fmt: skip
    worst = {"0.1": {"macro_f1": 0.4, "balanced_accuracy": 0.45,
                     "class_accuracy": [0.4, None]}}  # fmt: skip
    change_result(tmp_path, "0", measures={"clean": clean, "worst": worst})
    found = numbers(tmp_path)
    assert (found["macro_f1"], found["loss"]) == (0.8, 0.3)
    assert found["robust.0.1.macro_f1"] == 0.4
    assert found["robust.0.1.balanced_accuracy"] == 0.45
    assert not any("class_accuracy" in name for name in found)


def test_the_clients_have_their_worst_and_their_spread(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    federated = {
        "worst_client": {"clean_accuracy": 0.7}, "spread": {"clean_accuracy": 0.05},
    }  # fmt: skip
    change_result(tmp_path, "0", federated=federated)
    found = numbers(tmp_path)
    assert (found["worst_client"], found["client_spread"]) == (0.7, 0.05)


def test_the_robust_accuracy_of_a_round_is_the_lowest_over_its_attacks(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, [0.4, 0.9])
    first, second = path.read_text().splitlines()
    robust = '"robust_accuracy": {"fgsm": {"0.1": 0.7}, "pgd": {"0.1": 0.6}}'
    path.write_text(f"{first}\n{second[:-1]}, {robust}}}\n")
    ((run,),) = [group.runs for group in collect(tmp_path).groups]
    one, two = run.rounds
    assert "robust_accuracy" not in numbers_of_round(one, "0.1")
    found = numbers_of_round(two, "0.1")
    assert (found["robust_accuracy"], found["robust_accuracy.fgsm.0.1"]) == (0.6, 0.7)
    assert "robust_accuracy" not in numbers_of_round(two, "0.2")
    assert "round" not in found


@pytest.mark.parametrize(
    ("name", "label", "scale"),
    [
        ("clean_accuracy", "clean accuracy (%)", 100),
        ("robust_accuracy", "accuracy under attack at ε = 0.3 (%)", 100),
        ("robust_accuracy.pgd.0.1", "robust accuracy pgd 0.1 (%)", 100),
        ("macro_f1", "macro F1 (%)", 100),
        ("wall_seconds", "seconds", 1),
        ("bytes_up", "bytes up", 1),
        ("loss", "loss", 1),
    ],
)
def test_shares_are_in_percent_and_other_numbers_as_they_are(name, label, scale):
    found = measure(name, "0.3")
    assert (found.label, found.scale) == (label, scale)


def test_the_epsilon_shown_is_the_middle_one():
    assert middle(["0.3", "0.1", "0.2"]) == "0.2"
    assert middle(["10.0", "9.0"]) == "10.0"
    assert middle([]) is None


def test_of_privacy_only_epsilons_are_measures(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    private = {"epsilon": 2.5, "epsilon_classic": 3.0, "delta": 1e-5, "clip": 1.0}
    change_result(
        tmp_path, "0", privacy={**private, "epsilon_by_client": {"0": 2.5, "1": 1}}
    )
    found = {k: v for k, v in numbers(tmp_path).items() if "privacy" in k}
    assert found == {"privacy.epsilon": 2.5, "privacy.epsilon_classic": 3.0}
    assert measure("privacy.epsilon").label == "ε of privacy"
    change_result(tmp_path, "0", privacy={**private, "epsilon": None, "reason": "no"})
    assert "privacy.epsilon" not in numbers(tmp_path)
