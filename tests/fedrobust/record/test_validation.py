"""Values of a stored result are checked by their key."""

import pytest

from fedrobust.errors import FileError
from fedrobust.record.result import Result
from tests.fedrobust.record.results import LEAST, read


def measured(class_accuracy: list[float]) -> dict:
    numbers = {"macro_f1": 0.5, "balanced_accuracy": 0.5}
    return numbers | {"class_accuracy": class_accuracy}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "3"}, "seed is '3': must be int"),
        ({"seed": True}, "seed is True: must be int"),
        ({"seed": 3.0}, "seed is 3.0: must be int"),
        ({"clean_accuracy": None}, "clean_accuracy is None: must be int or float"),
        ({"clean_accuracy": 97.0}, r"clean_accuracy is 97.0: must be in \[0, 1\]"),
        ({"clean_accuracy": float("nan")}, "clean_accuracy is nan: must be in"),
        ({"worst_robust_accuracy": {"x": 0.5}}, "the epsilon 'x': must be a finite"),
        ({"worst_robust_accuracy": {"inf": 0.5}}, "the epsilon 'inf': must be"),
        ({"worst_robust_accuracy": {"nan": 0.5}}, "the epsilon 'nan': must be"),
        ({"worst_robust_accuracy": {"-1": 0.5}}, "the epsilon '-1': must be"),
        ({"robust_accuracy": {"pgd": 0.5}}, "robust_accuracy.pgd is 0.5: must be dict"),
        (
            {"robust_accuracy": {"pgd": {"0.1": -0.5}}},
            "robust_accuracy.pgd.0.1 is -0.5: must be in",
        ),
        ({"checks": {"logits": 1}}, "checks.logits is 1: must be dict"),
        ({"checks": {"logits": {}}}, "checks.logits.status is missing"),
        ({"detection": {"recall": "all"}}, "detection.recall is 'all': must be"),
        ({"warnings": ["x", 1]}, "warnings is 1: must be str"),
        ({"federated": {"by_client": {"x": {}}}}, "has the client 'x': must be"),
        ({"measures": {"worst": {}}}, "measures.clean is missing"),
        (
            {"measures": {"clean": measured([1.0, 1.5]), "worst": {}}},
            "measures.clean.class_accuracy.1 is 1.5: must be in",
        ),
        (
            {"measures": {"clean": measured([1.0, 0.5]), "worst": {}}},
            "measures.worst.0.1.class_accuracy has 0 classes: must have 2",
        ),
        (
            {
                "measures": {
                    "clean": measured([1.0, 0.5]),
                    "worst": {"0.1": measured([0.5])},
                }
            },
            "measures.worst.0.1.class_accuracy has 1 classes: must have 2",
        ),
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
