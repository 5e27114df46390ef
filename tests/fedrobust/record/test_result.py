"""Results and rounds: what is written is read back, and what is wrong is refused."""

import json
from dataclasses import fields

from fedrobust.evaluation.checks import Check
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection
from tests.fedrobust.record.results import read


def test_an_earlier_versions_result_is_read_and_lacks_what_was_not_recorded():
    result = read()
    assert result.checks == {"within_ball": Check("pass")}
    assert result.bytes_up is result.megabytes_a_round is result.num_evaluated is None
    assert (result.skipped_rounds, result.warnings, result.doubts) == (0, [], "")


def test_a_result_that_is_written_is_the_result_that_is_read():
    result = read(
        detection={"precision": 0.5, "recall": None},
        federated={"worst_client": {"clean_accuracy": 0.75}},
        robust_accuracy={"pgd": {"0.1": 0.25}},
        bytes_down=1_500_000,
        bytes_up=2_500_000,
    )
    text = result.to_text()
    assert Result.from_json(json.loads(text), "result.json", "remove it") == result
    assert json.loads(text) == result.to_json()
    assert result.detection == Detection(0.5)
    assert result.over_clients("worst_client") == 0.75
    assert result.over_clients("spread") is None
    assert result.megabytes_a_round == 2.0  # 4 MB in 2 rounds


def test_failed_checks_and_skipped_rounds_are_doubts():
    checks = {"logits": {"status": "fail"}, "deterministic": {"status": "pass"}}
    result = read(checks=checks, skipped_rounds=2)
    assert result.failed_checks == ["logits"]
    assert result.doubts == "failed logits; 2 rounds skipped"


def test_the_file_has_a_key_for_each_field_and_keeps_those_of_other_versions():
    result = read(macro_f1=0.5, trained_by={"name": "x"})
    written = result.to_json()
    assert written["macro_f1"] == 0.5
    assert written["trained_by"] == {"name": "x"}
    assert written.keys() - {"macro_f1", "trained_by"} == {
        field.name for field in fields(Result)
    } - {"others"}
