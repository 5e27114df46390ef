"""One measure against another: what is drawn, by hand."""

import numpy as np
import pytest

from fedrobust.report import collect
from fedrobust.report.figures import Axes, drawing_for
from tests.fedrobust.report.figures.boxes import covered_marks
from tests.fedrobust.report.runs import change_result, write_run

AXES = Axes(x="clean_accuracy", y="robust_accuracy")


def test_a_point_is_an_experiment_among_its_seeds(tmp_path):
    for rule, levels in {
        "fedavg": [(0.9, 0.1), (0.8, 0.3)], "krum": [(0.7, 0.6)],
    }.items():  # fmt: skip
        for seed, (clean, robust) in enumerate(levels):
            write_run(tmp_path, clean, robust, strategy=rule, seed=seed)
    drawing = drawing_for(collect(tmp_path), AXES, "fedrobust report runs")
    place = drawing.figure.axes[0]
    found = [[*zip(*line.get_data(), strict=True)] for line in place.lines]
    np.testing.assert_allclose(found[0], [(90, 10), (80, 30)])
    np.testing.assert_allclose(found[1], [(85, 20)])
    np.testing.assert_allclose(found[3], [(70, 60)])
    assert place.lines[1].get_markersize() > place.lines[0].get_markersize()
    assert place.get_xlabel() == "clean accuracy (%)"
    label = place.get_ylabel().replace("\n", " ")
    assert label == "accuracy under attack at ε = 0.1 (%)"
    assert [t.get_text() for t in drawing.figure.legends[0].texts] == ["fedavg", "krum"]
    assert drawing.seeds == (1, 2)


def test_marks_of_points_that_meet_can_all_be_read(tmp_path):
    for number in range(6):
        write_run(tmp_path, 0.85 + 0.02 * number, 0.1, strategy=f"r{number}")
        change_result(tmp_path, f"r{number}-0", warnings=["ab"[number % 2], "c"])
    write_run(tmp_path, 0.1, 0.9, strategy="other")
    drawing = drawing_for(collect(tmp_path), AXES, "fedrobust report runs")
    assert len([t for t in drawing.figure.axes[0].texts if t.get_text()]) > 1
    assert covered_marks(drawing.figure) == []


def test_a_point_carries_the_marks_of_its_runs(tmp_path):
    write_run(tmp_path, 0.9, 0.1)
    write_run(tmp_path, 0.7, 0.6, strategy="krum", failed=True)
    drawing = drawing_for(collect(tmp_path), AXES, "fedrobust report runs")
    marks = {t.get_text(): t.xy for t in drawing.figure.axes[0].texts if t.get_text()}
    assert marks == {"ᵃ": pytest.approx((70, 60))}
    assert drawing.footnotes == ["a"]
