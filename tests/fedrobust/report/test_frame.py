"""The collected table as data frames, by hand."""

import pandas as pd
import pytest

from fedrobust.report import collect
from fedrobust.report.frame import (
    epsilons_frame,
    rounds_frame,
    runs_frame,
    varying_keys,
)
from tests.fedrobust.report.runs import change_result, write_rounds, write_run


def test_a_row_is_a_run_with_its_keys_seed_digest_marks_and_measures(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.7, 0.3, strategy="krum", seed=seed)
    change_result(tmp_path, "krum-1", skipped_rounds=1)
    frame = runs_frame(collect(tmp_path))
    found = frame[["strategy", "seed", "config_digest", "marks", "clean_accuracy"]]
    assert found.to_numpy().tolist() == [
        ["fedavg", 0, "0", "", 0.9],
        ["fedavg", 1, "1", "", 0.9],
        ["krum", 0, "krum-0", "", 0.7],
        ["krum", 1, "krum-1", "a", 0.7],
    ]
    assert frame["robust_accuracy"].tolist() == [0.5, 0.5, 0.3, 0.3]
    assert frame["skipped_rounds"].tolist() == [0, 0, 0, 1]
    assert frame["folder"].tolist()[2] == str(tmp_path / "krum-0")


def test_keys_that_a_choice_determines_can_be_drawn_after_the_labels(tmp_path):
    for rule, f in (("krum", 1), ("median", 0)):
        more = {"strategy": {"f": f}}
        write_run(tmp_path, 0.9, 0.5, strategy=rule, more=more)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy"]
    assert varying_keys(runs) == ["strategy", "strategy.f"]
    assert runs_frame(runs)["strategy.f"].tolist() == ["1", "0"]


def test_a_row_of_rounds_is_a_round_and_its_robust_accuracy_the_lowest(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, [0.4, 0.9])
    first, second = path.read_text().splitlines()
    robust = '"robust_accuracy": {"fgsm": {"0.1": 0.7}, "pgd": {"0.1": 0.6}}'
    path.write_text(f"{first}\n{second[:-1]}, {robust}}}\n")
    frame = rounds_frame(collect(tmp_path))
    assert frame["round"].tolist() == [1, 2]
    assert frame["clean_accuracy"].tolist() == [0.4, 0.9]
    assert pd.isna(frame["robust_accuracy"][0])
    assert frame["robust_accuracy"][1] == 0.6
    assert frame["robust_accuracy.fgsm.0.1"][1] == 0.7


def test_a_row_of_epsilons_is_an_epsilon_and_zero_is_clean(tmp_path):
    write_run(tmp_path, 0.9, {"0.0": 0.9, "0.1": 0.5})
    write_run(tmp_path, 0.8, {}, strategy="krum")
    change_result(tmp_path, "0", robust_accuracy={"pgd": {"0.0": 0.9, "0.1": 0.6}})
    frame = epsilons_frame(collect(tmp_path))
    # Epsilon 0 of the evaluation is the clean accuracy, once; krum was not attacked.
    assert frame["strategy"].tolist() == ["fedavg", "fedavg"]
    assert frame["epsilon"].tolist() == [0, 0.1]
    assert frame["robust_accuracy"].tolist() == [0.9, 0.5]
    assert frame["robust_accuracy.pgd"].tolist() == [0.9, 0.6]


def test_the_measures_of_classes_have_a_row_for_each_epsilon(tmp_path):
    write_run(tmp_path, 0.9, {"0.1": 0.5})
    clean = {"macro_f1": 0.8, "balanced_accuracy": 0.85, "loss": 0.3,
             "class_accuracy": [0.8, 0.9]}  # fmt: skip
    worst = {"macro_f1": 0.4, "balanced_accuracy": 0.45, "class_accuracy": [0.4, 0.5]}
    measures = {"clean": clean, "worst": {"0.1": worst}}
    change_result(tmp_path, "0", measures=measures)
    frame = epsilons_frame(collect(tmp_path))
    assert frame["macro_f1"].tolist() == [0.8, 0.4]
    assert frame["balanced_accuracy"].tolist() == [0.85, 0.45]
    assert frame["clean_accuracy"].tolist() == [0.9, 0.9]
    assert not {"loss", "class_accuracy"} & {*frame.columns}


@pytest.mark.parametrize("frame_of", [runs_frame, rounds_frame, epsilons_frame])
def test_a_frame_without_rows_has_its_columns(tmp_path, frame_of):
    write_run(tmp_path, 0.9, {})
    write_run(tmp_path, 0.9, {}, strategy="krum")
    frame = frame_of(collect(tmp_path))
    assert {"strategy", "seed", "config_digest", "marks", "folder"} <= {*frame.columns}
