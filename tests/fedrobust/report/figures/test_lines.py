"""Lines over a number: what is drawn, by hand."""

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection

from fedrobust.report import collect
from fedrobust.report.figures import Axes, data_for, draw, drawing_for
from fedrobust.report.style import INK, PALETTE
from tests.fedrobust.report.figures.boxes import covered_marks, overlapping
from tests.fedrobust.report.runs import change_result, write_rounds, write_run

X = Axes(x="num_byzantine", y="clean_accuracy")


def write(folder, accuracies: dict[int, list[float]], **choices) -> None:
    """Write accuracies by the number of Byzantine clients, one for each seed."""
    for number, values in accuracies.items():
        for seed, clean in enumerate(values):
            more = {"num_byzantine": number}
            write_run(folder, clean, 0.5, seed=seed, more=more, **choices)


def drawn(folder, axes=X):
    return draw(data_for(collect(folder), axes)).axes[0]


def of_kind(place, kind):
    return [c for c in place.collections if isinstance(c, kind)]


def test_three_seeds_are_a_mean_in_a_t_interval(tmp_path):
    """Seeds 2 points apart: 92 ± 4.30265 * 2 / sqrt(3)."""
    write(tmp_path, {0: [0.90, 0.92, 0.94], 1: [0.50, 0.52, 0.54]})
    place = drawn(tmp_path)
    (line,) = place.lines
    np.testing.assert_allclose(line.get_xdata(), [0, 1])
    np.testing.assert_allclose(line.get_ydata(), [92, 52])
    (band,) = of_kind(place, FillBetweenPolyCollection)
    y = band.get_paths()[0].vertices[:, 1]
    assert (y.min(), y.max()) == pytest.approx((52 - 4.96827, 92 + 4.96827), abs=1e-4)
    assert of_kind(place, LineCollection) == []


def test_a_band_ends_where_a_share_does(tmp_path):
    write(tmp_path, {0: [0.97, 0.99, 1.0], 1: [0.5, 0.5, 0.5]})
    (band,) = of_kind(drawn(tmp_path), FillBetweenPolyCollection)
    assert band.get_paths()[0].vertices[:, 1].max() == 100


def test_two_seeds_are_bars_from_one_to_the_other(tmp_path):
    write(tmp_path, {0: [0.90, 0.94], 1: [0.5, 0.6]})
    place = drawn(tmp_path)
    assert of_kind(place, FillBetweenPolyCollection) == []
    (bars,) = of_kind(place, LineCollection)
    found = [segment[:, 1].tolist() for segment in bars.get_segments()]
    np.testing.assert_allclose(found, [[90, 94], [50, 60]])
    np.testing.assert_allclose(place.lines[0].get_ydata(), [92, 55])


def test_one_seed_has_neither_band_nor_bars_and_is_told(tmp_path):
    write(tmp_path, {0: [0.9], 1: [0.5]})
    drawing = drawing_for(collect(tmp_path), X, "fedrobust report runs")
    place = drawing.figure.axes[0]
    assert of_kind(place, FillBetweenPolyCollection) == []
    assert all(not len(c.get_segments()) for c in of_kind(place, LineCollection))
    assert drawing.seeds == (1, 1)
    assert "interval" not in drawing.caption


def test_numbers_of_one_seed_among_others_have_no_interval(tmp_path):
    """Between the two, a band would claim an interval that one seed has not."""
    write(tmp_path, {0: [0.90, 0.92, 0.94], 1: [0.5]})
    drawing = drawing_for(collect(tmp_path), X, "fedrobust report runs")
    place = drawing.figure.axes[0]
    assert of_kind(place, FillBetweenPolyCollection) == []
    (bars,) = of_kind(place, LineCollection)
    ((at, low), (same, high)) = bars.get_segments()[0]
    assert (at, same) == (0, 0)
    assert (low, high) == pytest.approx((92 - 4.96827, 92 + 4.96827), abs=1e-4)
    assert "Numbers of one seed have no interval." in drawing.caption


def test_a_line_for_each_hue_in_the_colours_of_the_legend(tmp_path):
    write(tmp_path, {0: [0.9], 1: [0.8]}, strategy="krum")
    write(tmp_path, {0: [0.95], 1: [0.1]})
    figure = draw(data_for(collect(tmp_path), X))
    lines = {line.get_color(): [*line.get_ydata()] for line in figure.axes[0].lines}
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.texts]
    assert (names, legend.get_title().get_text()) == (["fedavg", "krum"], "strategy")
    colours = [handle.get_color() for handle in legend.legend_handles]
    assert colours == list(PALETTE[:2])
    np.testing.assert_allclose(lines[colours[0]], [95, 10])
    np.testing.assert_allclose(lines[colours[1]], [90, 80])


def test_marks_stand_at_the_points_that_carry_them(tmp_path):
    write(tmp_path, {0: [0.9], 1: [0.8], 2: [0.7]})
    change_result(tmp_path, "01", warnings=["z is 0"])
    place = drawn(tmp_path)
    assert [t.get_text() for t in place.texts] == ["ᵃ"]
    assert place.texts[0].xy == pytest.approx((1, 80))
    (line,) = place.lines
    assert place.texts[0].get_color() == line.get_color()


def test_runs_without_the_key_are_a_horizontal_line_beside_the_others(tmp_path):
    for rule, best in (("fedavg", 0.9), ("krum", 0.8)):
        for epsilon in (None, 0.1, 0.2):
            clean = best - 2 * (epsilon or 0)
            write_run(tmp_path, clean, 0.5, strategy=rule, epsilon=epsilon,
                      objective={"epsilon": epsilon})  # fmt: skip
    axes = Axes(x="training.epsilon", y="clean_accuracy")
    drawing = drawing_for(collect(tmp_path), axes, "fedrobust report runs")
    lines = drawing.figure.axes[0].lines
    found = sorted([round(y, 6) for y in line.get_ydata()] for line in lines)
    assert found == [[60, 40], [70, 50], [80, 80], [90, 90]]
    assert "Dotted and horizontal: without training.epsilon." in drawing.caption


def test_the_horizontal_line_has_the_interval_of_its_seeds(tmp_path):
    """Seeds 2 points apart: 92 ± 4.30265 * 2 / sqrt(3); two seeds have a bar."""
    for count in (3, 2, 1):
        for epsilon in (None, 0.1, 0.2):
            for seed in range(count):
                clean = 0.90 + 0.02 * seed if epsilon is None else 0.5
                write_run(tmp_path / str(count), clean, 0.5, epsilon=epsilon, seed=seed,
                          objective={"epsilon": epsilon})  # fmt: skip
    axes = Axes(x="training.epsilon", y="clean_accuracy")
    place = drawn(tmp_path / "3", axes)
    (band,) = place.patches
    found = band.get_y(), band.get_y() + band.get_height()
    assert found == pytest.approx((92 - 4.96827, 92 + 4.96827), abs=1e-4)
    place = drawn(tmp_path / "2", axes)
    assert not place.patches
    bar = next(line for line in place.lines if line.get_ydata()[0] == 90)
    assert [*bar.get_ydata()] == pytest.approx([90, 92])
    assert min(bar.get_xdata()) > 0.9
    place = drawn(tmp_path / "1", axes)
    assert (len(place.patches), len(place.lines)) == (0, 2)


def test_rounds_have_whole_ticks(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_rounds(tmp_path, [0.2, 0.9])
    place = drawn(tmp_path, Axes(x="round", y="clean_accuracy"))
    low, high = place.get_xlim()
    ticks = [tick for tick in place.get_xticks() if low <= tick <= high]
    assert ticks == [1, 2]


def test_marks_of_lines_that_meet_can_all_be_read(tmp_path):
    """Six lines end within two points, and each carries its own mark."""
    for number in range(6):
        folder = tmp_path / str(number)
        write_run(folder, 0.9, 0.5, strategy=f"r{number}")
        write_rounds(folder, [0.5, 0.9 + 0.003 * number])
        words = ["first warning", *["abcdef"[number] * 3] * 2]
        change_result(folder, f"r{number}-0", warnings=words[: 1 + number % 3])
    figure = draw(data_for(collect(tmp_path), Axes(x="round", y="clean_accuracy")))
    assert covered_marks(figure) == []


def test_marks_of_one_place_stand_there_once(tmp_path):
    """Two lines end in one point, under each its own mark, besides a common one."""
    for rule in ("krum", "median", "fedavg"):
        write(tmp_path, {0: [0.9], 1: [0.5]}, strategy=rule)
    change_result(tmp_path, "krum-01", warnings=["one"])
    change_result(tmp_path, "median-01", warnings=["one", "two"])
    figure = draw(data_for(collect(tmp_path), X))
    (text,) = figure.axes[0].texts
    assert (text.get_text(), text.xy) == ("ᵃ\u2009ᵇ", pytest.approx((1, 50)))
    assert text.get_color() == INK


def test_a_value_has_the_same_colour_wherever_others_are_missing(tmp_path):
    for rule in ("krum", "median", "fedavg"):
        write(tmp_path, {0: [0.9], 1: [0.5]}, strategy=rule)
    for number in (0, 1):
        change_result(tmp_path, f"median-0{number}", backdoor_success=0.3)
    every = draw(data_for(collect(tmp_path), X)).axes[0].lines
    assert [line.get_color() for line in every] == [*PALETTE[:3]]
    axes = Axes(x="num_byzantine", y="backdoor_success", hue="strategy")
    (line,) = draw(data_for(collect(tmp_path), axes)).axes[0].lines
    assert line.get_color() == PALETTE[2]


def test_a_wide_range_has_a_logarithmic_axis_with_its_own_numbers(tmp_path):
    for alpha in (0.01, 0.1, 1.0):
        more = {"partition": {"seed": 0, "alpha": alpha}}
        write_run(tmp_path, 0.9, 0.5, more=more)
    place = drawn(tmp_path, Axes(x="partition.alpha", y="clean_accuracy"))
    assert place.get_xscale() == "log"
    labels = [label.get_text() for label in place.get_xticklabels()]
    assert labels == ["0.01", "0.1", "1"]
    write(tmp_path / "narrow", {1: [0.9], 2: [0.8], 19: [0.7]})
    assert drawn(tmp_path / "narrow").get_xscale() == "linear"


def test_the_axis_of_rounds_is_linear_and_marks_stand_at_the_end(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path / "other", 0.8, 0.5, strategy="krum")
    (tmp_path / "first").mkdir()
    (tmp_path / "0").rename(tmp_path / "first/0")
    for name, last in (("first", 0.9), ("other", 0.8)):
        write_rounds(tmp_path / name, [0.5, last])
    change_result(tmp_path / "other", "krum-0", skipped_rounds=1)
    place = drawn(tmp_path, Axes(x="round", y="clean_accuracy"))
    assert place.get_xscale() == "linear"
    found = [[*map(float, line.get_ydata())] for line in place.lines]
    np.testing.assert_allclose(found, [[50, 90], [50, 80]])
    marks = {t.get_text(): t.xy for t in place.texts if t.get_text()}
    assert marks == {"ᵃ": pytest.approx((2, 80))}


def test_a_share_is_drawn_within_what_is_possible(tmp_path):
    write(tmp_path, {0: [1.0, 0.99, 1.0], 1: [0.0, 0.01, 0.0]})
    low, high = drawn(tmp_path).get_ylim()
    assert -3 < low < 0
    assert 100 < high < 103


def test_no_label_hides_another_however_long_names_are(tmp_path):
    name = "a_very_long_rule_name_" * 6
    for number in range(6):
        write(tmp_path, {0: [0.9], 1: [0.5], 1000: [0.2]}, strategy=f"{name}{number}")
    assert overlapping(draw(data_for(collect(tmp_path), X))) == []
