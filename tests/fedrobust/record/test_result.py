"""Results and rounds: what is written is read back, and what is wrong is refused."""

import json
from dataclasses import fields

import pytest

from fedrobust.errors import FileError
from fedrobust.evaluation.checks import Check
from fedrobust.record.attack_result import AttackResult
from fedrobust.record.evaluation_result import EvaluationResult
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection

# The least that a result of any version holds.
LEAST = {
    "config_digest": "0123456789abcdef",
    "seed": 3,
    "num_rounds": 2,
    "attack": {"epsilon": [0.1]},
    "choices": {"strategy": "krum"},
    "clean_accuracy": 1,
    "worst_robust_accuracy": {"0.1": 0.25},
    "checks": {"within_ball": {"status": "pass"}},
}


def read(**changes) -> Result:
    return Result.from_json(LEAST | changes, "result.json", "remove it")


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


def test_runs_and_attacked_files_share_one_reader_and_one_writer():
    model = {"model": "m.keras", "model_digest": "0", "dataset": {}, "range": [0, 1]}
    result = AttackResult.from_json(LEAST | model, "result.json", "remove it")
    assert result.to_json()["range"] == [0, 1]
    for name in ("from_json", "to_json", "to_text"):
        owners = [
            name in vars(kind) for kind in (EvaluationResult, Result, AttackResult)
        ]
        assert owners == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "3"}, "seed is '3': must be int"),
        ({"seed": True}, "seed is True: must be int"),
        ({"seed": 3.0}, "seed is 3.0: must be int"),
        ({"clean_accuracy": None}, "clean_accuracy is None: must be int or float"),
        ({"clean_accuracy": 97.0}, r"clean_accuracy is 97.0: must be in \[0, 1\]"),
        ({"clean_accuracy": float("nan")}, "clean_accuracy is nan: must be in"),
        ({"worst_robust_accuracy": {"x": 0.5}}, "the epsilon 'x': must be a number"),
        ({"robust_accuracy": {"pgd": 0.5}}, "robust_accuracy.pgd is 0.5: must be dict"),
        (
            {"robust_accuracy": {"pgd": {"0.1": -0.5}}},
            "robust_accuracy.pgd.0.1 is -0.5: must be in",
        ),
        ({"checks": {"logits": 1}}, "checks.logits is 1: must be dict"),
        ({"checks": {"logits": {}}}, "checks.logits.status is missing"),
        ({"detection": {"recall": "all"}}, "detection.recall is 'all': must be"),
        ({"warnings": ["x", 1]}, "warnings is 1: must be str"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_key(changes, message):
    with pytest.raises(FileError, match=f"^result.json: .*{message}.*; remove it$"):
        read(**changes)


def test_a_key_that_every_version_wrote_must_be_there():
    for key in LEAST:
        found = {name: value for name, value in LEAST.items() if name != key}
        with pytest.raises(FileError, match=f"^x: {key} is missing; remove it$"):
            Result.from_json(found, "x", "remove it")
    with pytest.raises(FileError, match="skipped_rounds is missing"):
        Result.from_json(LEAST, "x", "remove it", ["skipped_rounds"])
