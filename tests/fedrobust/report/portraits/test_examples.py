"""The examples of a run."""

import numpy as np
import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.examples import drawings, examples_of
from tests.fedrobust.report.portraits.stored import write

ROBUST = {"fgsm": {"0.1": 0.5}, "pgd": {"0.1": 0.3}}


def record(path, shape=(4, 4)):
    x = np.zeros((2, *shape), np.float32)
    arrays = {"rows": np.array([4, 7]), "x": x, "y": np.array([0, 1])}
    arrays["answers"] = np.array([0, 1])
    for name, answers in (("fgsm", [0, 1]), ("pgd", [1, 1])):
        arrays[f"adversarial/{name}/0.1"] = x + np.float32(0.1)
        arrays[f"answers/{name}/0.1"] = np.array(answers)
    (path / "examples").mkdir()
    np.savez_compressed(path / "examples" / "e.npz", **arrays)


def test_the_strongest_attack_is_drawn_with_the_share_of_the_class(tmp_path):
    classes = {"macro_f1": 0, "balanced_accuracy": 0, "class_accuracy": [0.25, 0.5]}
    measures = {"clean": classes, "worst": {"0.1": classes}}
    record(write(tmp_path, 0.9, 0.3,
                 result={"robust_accuracy": ROBUST, "measures": measures}))  # fmt: skip
    (drawn,) = drawings(collect(tmp_path))
    axes = np.array(drawn.figure.axes).reshape(3, 2)
    assert axes[1, 0].get_ylabel() == "pgd\nε = 0.1"
    assert axes[2, 0].get_xlabel() == "wrong 1/2\nclass 25 %"
    assert "pgd is the strongest attack at ε = 0.1" in drawn.caption


def test_a_slash_in_the_name_of_an_attack_is_part_of_it():
    x = np.zeros((1, 2))
    arrays = {"x": x, "y": x, "answers": x, "adversarial/a/b/0.1": x,
              "answers/a/b/0.1": x}  # fmt: skip
    assert [*examples_of(arrays, ()).adversarial] == [("a/b", "0.1")]


def test_inputs_that_are_not_images_say_why(tmp_path):
    record(write(tmp_path, 0.9, 0.3, result={"robust_accuracy": ROBUST}), (5,))
    (drawn,) = drawings(collect(tmp_path))
    assert "inputs of shape (5,) are not images" in drawn.reason


@pytest.mark.parametrize(
    ("robust", "words"), [({}, "attack=pgd"), (0.5, "earlier versions")]
)
def test_runs_without_examples_say_why(tmp_path, robust, words):
    write(tmp_path, 0.9, robust)
    (drawn,) = drawings(collect(tmp_path))
    assert words in drawn.reason


def test_a_torn_file_is_the_reason(tmp_path):
    path = write(tmp_path)
    record(path)
    (path / "examples" / "e.npz").write_bytes(b"PK")
    (drawn,) = drawings(collect(tmp_path))
    assert "e.npz" in drawn.reason
