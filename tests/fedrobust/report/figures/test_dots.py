"""Every attack on each rule in one line: what is drawn, by hand."""

import numpy as np
import pytest

from fedrobust.report import collect, grids
from fedrobust.report.figures.dots import draw_dots
from fedrobust.report.style import PALETTE, settle
from tests.fedrobust.report.figures.boxes import overlapping
from tests.fedrobust.report.runs import change_result, write_run

ATTACKS = ("none", "alie", "ipm", "sign_flip")


def grid_of(folder, rules):
    for rule, row in rules.items():
        for attack, clean in zip(ATTACKS, row, strict=True):
            if clean is not None:
                write_run(folder, clean, 0.5, strategy=rule, byzantine=attack)
    return grids(collect(folder))[0]


def test_the_best_worst_case_is_on_top_and_its_attack_is_named(tmp_path):
    grid = grid_of(tmp_path, {
        "fedavg": (0.95, 0.5, 0.4, 0.1), "krum": (0.9, 0.7, 0.8, 0.85),
        "median": (0.9, 0.8, None, 0.8),
    })  # fmt: skip
    place = draw_dots(grid).axes[0]
    assert [t.get_text() for t in place.get_yticklabels()] == [
        "krum", "fedavg", "median",
    ]  # fmt: skip
    low, high = place.get_ylim()
    assert low > high  # the first row is on top
    worst = [line for line in place.lines if line.get_color() == PALETTE[1]]
    found = [tuple(float(v[0]) for v in line.get_data()) for line in worst]
    # The median has no result under one attack, so nobody knows its worst.
    assert found == [(pytest.approx(70), 0), (pytest.approx(10), 1)]
    assert [t.get_text() for t in place.texts] == ["alie", "sign_flip"]
    (others, *_) = place.lines
    np.testing.assert_allclose(others.get_xdata(), [70, 80, 85])


def test_the_worst_attack_carries_the_marks_of_all_attacks_of_the_row(tmp_path):
    rules = {"fedavg": (0.95, 0.5, 0.4, 0.1), "krum": (0.9, 0.7, 0.8, 0.85)}
    grid_of(tmp_path, rules)
    change_result(tmp_path, "krum-ipm-0", skipped_rounds=1)
    place = draw_dots(grids(collect(tmp_path))[0]).axes[0]
    assert [t.get_text() for t in place.texts] == ["alieᵃ", "sign_flip"]


def test_no_name_hides_another_however_long_names_are(tmp_path):
    rules = {f"{'a long name ' * 8}{i}": (0.9, 0.8, 0.7, 0.6) for i in range(9)}
    figure = draw_dots(grid_of(tmp_path, rules))
    assert overlapping(figure) == []


def test_no_name_of_an_attack_hides_a_dot(tmp_path):
    rules = {"fedavg": (0.3, 0.25, 0.28, 0.2), "krum": (0.9, 0.95, 0.97, 0.92)}
    figure = draw_dots(grid_of(tmp_path, rules))
    settle(figure)
    place = figure.axes[0]
    for text in place.texts:
        box = text.get_window_extent()
        assert place.bbox.x1 < box.x0
        assert box.x1 <= figure.bbox.x1
