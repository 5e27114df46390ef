"""Results and rounds: what is written is read back, and what is wrong is refused."""

import json
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from fedrobust.errors import FileError
from fedrobust.evaluation.checks import Check
from fedrobust.files import to_json
from fedrobust.record.attack_result import AttackResult
from fedrobust.record.evaluation_result import EvaluationResult
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection, RoundRow, round_row
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.summary import summed
from fedrobust.record.validation import from_json

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
REPORT = SimpleNamespace(
    round=1, sampled=[0, 1, 2, 3], accepted=[0, 1, 3], quarantined={2: "shape"},
    failed={}, skipped=None, train_seconds=1.5, aggregate_seconds=0.25, bytes_down=80,
    bytes_up=60, selected=None, excluded=[0, 3], metrics={"train_loss": 0.5},
    evaluation=None, client_evaluation={},
)  # fmt: skip
# Of the accepted 0, 1 and 3 the rule left out 0 and 3; 2 and 3 are Byzantine.
ROW = round_row(REPORT, [2, 3], {"z": 1.5})


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


def test_a_round_by_hand():
    assert ROW.detection == Detection(precision=1 / 2, recall=1 / 1)
    assert ROW.byzantine == [2, 3]
    assert (ROW.quarantined, ROW.failed, ROW.skipped) == (1, 0, None)
    assert ROW.clean_accuracy is None
    scores = SimpleNamespace(
        clean=0.5, robust={"pgd": {"0.1": 0.25}}, backdoor_success=1.0
    )
    scored = ROW.with_scores(scores, 2.0)
    assert (scored.clean_accuracy, scored.evaluate_seconds) == (0.5, 2.0)
    # Nobody accepted is Byzantine: there is nobody to detect.
    assert round_row(REPORT, [2], None).detection is None


def test_rounds_are_summed_and_detection_is_averaged_over_those_that_have_it():
    rows = [
        ROW,
        replace(ROW, detection=None, skipped="too few", failed=3),
        replace(ROW, detection=Detection(None, 0.0), federated={"clients": 4}),
    ]
    assert summed(rows) == {
        "federated": {"clients": 4},
        "detection": Detection(precision=0.5, recall=0.5),
        "bytes_down": 240,
        "bytes_up": 180,
        "train_seconds": 4.5,
        "quarantined": 3,
        "failed": 3,
        "skipped_rounds": 1,
    }


def test_rounds_are_read_as_they_were_written(tmp_path):
    rows = [ROW, replace(ROW, round=2, clean_accuracy=0.5)]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(to_json(row.to_json()) + "\n" for row in rows))
    stored = StoredRun(tmp_path)
    assert stored.rounds(2) == rows
    with pytest.raises(
        FileError, match=r"has rounds \[1, 2\]: must have each from 1 to 3"
    ):
        stored.rounds(3)
    # An earlier version's row, which has fewer keys.
    few = {
        "round": 1, "quarantined": 0, "failed": 0, "bytes_down": 1, "bytes_up": 1,
        "train_seconds": 1, "aggregate_seconds": 1, "evaluate_seconds": 1,
    }  # fmt: skip
    assert from_json(RoundRow, few, "x", "y").detection is None
