"""The accuracy of each class, clean and under attack."""

import json

import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.classes import (
    MOST_CLASSES,
    ClassScore,
    class_scores,
    classes_figure,
    drawings,
    sentence,
)
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.stored import write

SCORES = class_scores(["a", "b", "c", "d"], [0.9, 0.8, 0.5, None], [0.4, 0.1, 0.2, 0.0])


def test_the_least_robust_class_is_first_and_one_without_images_left_out():
    assert [
        ClassScore("b", 0.8, 0.1), ClassScore("c", 0.5, 0.2), ClassScore("a", 0.9, 0.4),
    ] == SCORES  # fmt: skip


def test_each_class_has_a_row_from_clean_to_robust():
    figure = classes_figure(SCORES)
    (axes,) = figure.axes
    clean, robust = axes.lines
    assert clean.get_xdata() == pytest.approx([80, 50, 90])
    assert robust.get_xdata() == pytest.approx([10, 20, 40])
    assert clean.get_ydata().tolist() == robust.get_ydata().tolist() == [0, 1, 2]
    assert clean.get_marker() != robust.get_marker()
    # The first row is on top.
    low, high = axes.get_ylim()
    assert low > high


def test_the_sentence_names_the_ends_and_the_greatest_loss():
    assert sentence(SCORES) == (
        "Under attack it is from 10 % (class b) to 40 % (class a); class b loses most, "
        "from 80 % to 10 %."
    )


def test_where_nothing_is_lost_the_sentence_says_so():
    even = class_scores(["a", "b"], [0.5, 0.0], [0.5, 0.0])
    assert sentence(even).endswith("(class a); no class loses any.")


@pytest.mark.parametrize("classes", [1, 2, 10, MOST_CLASSES, 100])
def test_the_figure_can_be_read(classes):
    names = [f"{number} $x_1$ <script> of a long name\n" for number in range(classes)]
    shares = [number / classes for number in range(classes)]
    figure = classes_figure(class_scores(names, shares, shares))
    assert_legible(figure)
    assert len(figure.axes[0].lines[0].get_xdata()) == min(classes, MOST_CLASSES)


def measures(clean, robust):
    def of(accuracies):
        return {"macro_f1": 0.5, "balanced_accuracy": 0.5, "class_accuracy": accuracies}

    return {"measures": {"clean": of(clean), "worst": {"0.1": of(robust)}}}


def test_a_run_is_drawn_with_the_names_of_its_classes(tmp_path):
    path = write(tmp_path, result=measures([0.9, 0.8], [0.1, 0.7]))
    (drawn,) = drawings(collect(tmp_path))
    assert "all attacks together at ε = 0.1" in drawn.caption
    assert "class 0 loses most, from 90 % to 10 %" in drawn.caption
    (path / "confusion").mkdir()
    found = {"classes": ["cat", "dog"], "clean": [[1, 0], [0, 1]], "robust": {}}
    (path / "confusion" / "e.json").write_text(json.dumps(found))
    (drawn,) = drawings(collect(tmp_path))
    assert "class cat loses most" in drawn.caption
    assert {"cat", "dog"} <= set(words(drawn.figure))


def test_the_most_and_the_least_robust_run_are_drawn(tmp_path):
    for strategy, robust in (("a", 0.2), ("b", 0.1), ("c", 0.3)):
        write(tmp_path, 0.9, robust, strategy=strategy, result=measures([0.9], [0.1]))
    first, second = drawings(collect(tmp_path))
    assert "strategy=c" in first.title
    assert "strategy=b" in second.title
    assert "number 3 of 3 by robust accuracy" in second.caption


def test_runs_without_these_numbers_say_why(tmp_path):
    write(tmp_path / "old")
    (drawn,) = drawings(collect(tmp_path / "old"))
    assert "earlier versions" in drawn.reason
    write(tmp_path / "clean", 0.9, {}, result=measures([0.9], [0.9]))
    (drawn,) = drawings(collect(tmp_path / "clean"))
    assert "attack=pgd" in drawn.reason


def test_classes_that_files_do_not_agree_on_are_told_and_not_drawn(tmp_path):
    path = write(tmp_path, result=measures([0.9, 0.8], [0.1, 0.7]))
    (path / "confusion").mkdir()
    found = {"classes": ["a"], "clean": [[1]], "robust": {}}
    (path / "confusion" / "e.json").write_text(json.dumps(found))
    (drawn,) = drawings(collect(tmp_path))
    assert drawn.figure is None
    assert f"{path} have 1 classes, and its measures 2" in drawn.reason


def test_a_run_whose_classes_have_no_images_says_so(tmp_path):
    write(tmp_path, result=measures([None, None], [None, None]))
    (drawn,) = drawings(collect(tmp_path))
    assert drawn.reason == "No class has test images."
