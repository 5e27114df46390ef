"""The confusion matrix."""

import json

import numpy as np
import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.confusion import confusion_figure, drawings
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.stored import write

TWO = np.array([[3, 1], [0, 0]])


def test_colours_are_shares_of_the_class_and_numbers_count_images():
    figure = confusion_figure([("clean", TWO)], ["cat", "dog"])
    axes = figure.axes[0]
    shares = axes.images[0].get_array()
    # The second class has no images, so it has no shares.
    np.testing.assert_array_equal(shares.filled(np.nan), [[75, 25], [np.nan] * 2])
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "3", (1, 0): "1"}
    assert {"cat", "dog", "true class", "predicted class"} <= set(words(figure))


@pytest.mark.parametrize(
    ("factor", "classes", "number"),
    [(1, 10, "3"), (300, 10, "900"), (3000, 10, "75"), (3000, 2, "9000")],
)
def test_numbers_without_room_are_percentages_instead(factor, classes, number):
    counts = np.zeros((classes, classes), int)
    counts[:2, :2] = factor * TWO
    figure = confusion_figure([("clean", counts)], [*map(str, range(classes))])
    assert figure.axes[0].texts[0].get_text() == number


def test_more_than_ten_classes_have_no_numbers():
    counts = np.full((11, 11), 7)
    figure = confusion_figure([("clean", counts)], [*map(str, range(11))])
    assert not figure.axes[0].texts


@pytest.mark.parametrize("panels", [1, 2])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_matrix_can_be_read(panels, classes):
    counts = np.random.default_rng(0).integers(100, 999, (classes, classes))
    names = [f"{number} $x_1$ <script>\n" for number in range(classes)]
    numbers = [*map(str, range(classes))]
    for given in (names, numbers):
        for shown in (counts, 100 * counts):
            titled = [("autoattack, ε = 0.0313725", shown)] * panels
            assert_legible(confusion_figure(titled, given))


def record(path, robust):
    found = {"classes": ["a", "b"], "clean": [[9, 1], [0, 5]], "robust": robust}
    (path / "confusion").mkdir()
    (path / "confusion" / "e.json").write_text(json.dumps(found))


def test_the_strongest_attack_is_drawn_at_the_epsilon_of_the_report(tmp_path):
    robust = {"fgsm": {"0.1": 0.5, "0.2": 0.2}, "pgd": {"0.1": 0.4, "0.2": 0.3}}
    path = write(tmp_path, 0.9, {"0.05": 0.6, "0.1": 0.4, "0.2": 0.1},
                 result={"robust_accuracy": robust})  # fmt: skip
    zeros = [[0, 0], [0, 0]]
    record(path, {"fgsm": {"0.1": zeros, "0.2": zeros},
                  "pgd": {"0.1": [[2, 8], [4, 1]], "0.2": zeros}})  # fmt: skip
    (drawn,) = drawings(collect(tmp_path))
    clean, attacked = drawn.figure.axes[:2]
    assert attacked.get_title() == "pgd, ε = 0.1"
    assert attacked.images[0].get_array().tolist() == [[20, 80], [80, 20]]
    assert clean.images[0].get_array().tolist() == [[90, 10], [0, 100]]
    assert "Of 2 attacks the strongest at ε = " in drawn.caption


def test_without_attacks_only_clean_answers_are_drawn(tmp_path):
    record(write(tmp_path, 0.9, {}), {})
    (drawn,) = drawings(collect(tmp_path))
    assert [axes.get_title() for axes in drawn.figure.axes] == ["clean", ""]


def test_a_torn_file_is_the_reason(tmp_path):
    path = write(tmp_path)
    record(path, {})
    (path / "confusion" / "e.json").write_text("{")
    (drawn,) = drawings(collect(tmp_path))
    assert "e.json" in drawn.reason


def test_runs_of_earlier_versions_say_why(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert "earlier versions" in drawn.reason


def test_an_attack_that_the_result_does_not_have_is_not_drawn(tmp_path):
    path = write(tmp_path, 0.9, 0.5, result={"robust_accuracy": {"pgd": {"0.1": 0.5}}})
    (path / "confusion").mkdir()
    matrix = [[1, 0], [0, 1]]
    robust = {"other": {"0.1": matrix}}
    found = {"classes": ["a", "b"], "clean": matrix, "robust": robust}
    (path / "confusion" / "e.json").write_text(json.dumps(found))
    (drawn,) = drawings(collect(tmp_path))
    assert drawn.figure.axes[0].get_title() == "clean"
    assert not any("other" in text for text in words(drawn.figure))
