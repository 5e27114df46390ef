"""Flat values of rounds, results and configurations."""

import math
from dataclasses import replace

from fedrobust.record.tracked_values import flat_config, result_values, round_values
from tests.fedrobust.record.results import read
from tests.fedrobust.record.rounds import ROW
from tests.fedrobust.record.tiny import TINY, configured


def test_a_round_is_flat_and_has_only_finite_numbers():
    row = replace(
        ROW,
        clean_accuracy=0.5,
        loss=2.5,
        robust_accuracy={"pgd": {"0.1": 0.25, "0.2": math.nan}},
        train_metrics={"train_loss": math.inf, "lr": 0.5},
        federated={
            "clients": 2.0,
            "worst_client": {"clean_accuracy": 0.125, "robust_accuracy": {}},
            "by_client": {"0": {"clean_accuracy": 0.125}},
        },
    )
    assert round_values(row) == {
        "clean_accuracy": 0.5,
        "loss": 2.5,
        "robust_accuracy/pgd/0.1": 0.25,
        # Of the accepted 0, 1 and 3 the rule left out 0 and 3; 3 is Byzantine.
        "detection/precision": 0.5,
        "detection/recall": 1.0,
        "quarantined": 1.0,
        "failed": 0.0,
        "train_seconds": 1.5,
        "aggregate_seconds": 0.25,
        "evaluate_seconds": 0.0,
        "bytes_down": 80.0,
        "bytes_up": 60.0,
        "skipped": 0.0,
        "sampled": 4.0,
        "postprocessed/clip": 1.5,
        "train/lr": 0.5,
        "clients/worst_client/clean_accuracy": 0.125,
    }
    assert round_values(replace(ROW, skipped="too few"))["skipped"] == 1.0


def test_a_result_is_flat_with_measures_of_any_depth():
    measures = {
        "clean": {"macro_f1": 0.5, "class_accuracy": [0.5, None]},
        "worst": {"0.1": {"balanced_accuracy": 0.25}},
    }
    failed = {"within_ball": {"status": "fail"}}
    result = read(robust_accuracy={"pgd": {"0.1": 0.25}}, checks=failed)
    result = replace(result, measures=measures)
    assert result_values(result) == {
        "final/clean_accuracy": 1.0,
        "final/robust_accuracy/pgd/0.1": 0.25,
        "final/worst_robust_accuracy/0.1": 0.25,
        "final/measures/clean/macro_f1": 0.5,
        "final/measures/worst/0.1/balanced_accuracy": 0.25,
        "final/skipped_rounds": 0.0,
        "final/earlier_seconds": 0.0,
        "final/failed_checks": 1.0,
    }


def test_a_configuration_is_flat_with_the_choices_by_group():
    flat = flat_config(configured(*TINY, "strategy=krum", "num_clients=5"))
    assert flat["strategy"] == "krum"
    assert flat["strategy.rule._target_"] == "strategies.rules.Krum"
    assert flat["num_clients"] == 5
    assert flat["attack.methods.fgsm.norm"] == "linf"
    assert flat["byzantine_clients"] == "null"
    assert flat["dataset.input_shape"] == "[8, 8, 1]"
    assert "tracking" not in flat
