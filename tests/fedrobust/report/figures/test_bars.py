"""Bars over names: what is drawn, by hand."""

import pytest

from fedrobust.errors import ConfigError
from fedrobust.report import collect
from fedrobust.report.figures import Axes, data_for, draw, drawing_for
from tests.fedrobust.report.figures.boxes import covered_marks, overlapping
from tests.fedrobust.report.runs import change_result, write_run

AXES = Axes(x="strategy", y="clean_accuracy")
COMMAND = "fedrobust report runs"


def drawn(folder, axes=AXES):
    return draw(data_for(collect(folder), axes))


def reach(place) -> list[tuple[float, float]]:
    """Return the ends of each error bar."""
    return [
        (round(low, 4), round(high, 4))
        for container in place.containers
        if hasattr(container, "lines")
        for bars in container.lines[2]
        for ((_, low), (_, high)) in bars.get_segments()
    ]


def test_a_bar_is_the_mean_with_its_interval_and_one_seed_has_none(tmp_path):
    """Krum: 92 ± 4.30265 * 2 / sqrt(3). The median has two seeds, averaging one."""
    for rule, values in {
        "fedavg": [0.3], "krum": [0.90, 0.92, 0.94], "median": [0.6, 0.7],
    }.items():  # fmt: skip
        for seed, clean in enumerate(values):
            write_run(tmp_path, clean, 0.5, strategy=rule, seed=seed)
    place = drawn(tmp_path).axes[0]
    heights = [bar.get_height() for bar in place.patches]
    assert heights == pytest.approx([30, 92, 65])
    labels = [label.get_text() for label in place.get_xticklabels()]
    assert labels == ["fedavg", "krum", "median"]
    assert reach(place) == [(87.0317, 96.9683), (60, 70)]


def test_bars_of_one_name_stand_side_by_side_in_the_order_of_the_legend(tmp_path):
    for rule in ("fedavg", "krum"):
        for training, clean in (("standard", 0.9), ("pgd", 0.8)):
            write_run(tmp_path, clean, 0.5, strategy=rule, training=training)
    figure = drawn(tmp_path)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["standard", "pgd"]
    place = figure.axes[0]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in place.patches]
    assert middles == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    assert [bar.get_height() for bar in place.patches] == pytest.approx(
        [90, 90, 80, 80]
    )


def test_the_marks_of_a_bar_stand_on_it(tmp_path):
    write_run(tmp_path, 0.3, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", failed=True)
    drawing = drawing_for(collect(tmp_path), AXES, COMMAND)
    texts = {t.get_text(): t.xy for t in drawing.figure.axes[0].texts}
    assert texts["ᵃ"] == pytest.approx((1, 80))
    assert drawing.footnotes == ["a"]


def test_marks_of_narrow_bars_can_all_be_read(tmp_path):
    for place in range(16):
        write_run(tmp_path, 0.9, 0.5, strategy=f"r{place:02}")
        change_result(tmp_path, f"r{place:02}-0", warnings=["a", "b", "ef"[place % 2]])
    write_run(tmp_path, 0.9, 0.5)
    assert covered_marks(drawn(tmp_path)) == []


def test_a_measure_that_is_no_share_has_its_own_scale(tmp_path):
    write_run(tmp_path, 0.3, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum")
    change_result(tmp_path, "krum-0", wall_seconds=250.0)
    figure = drawn(tmp_path, Axes(x="strategy", y="wall_seconds"))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 250]
    assert figure.axes[0].get_ylabel() == "seconds"


def test_the_interval_of_a_measure_that_is_never_negative_ends_at_zero(tmp_path):
    """Seconds 1, 2 and 9: 4 ± 4.30265 * sqrt(19) / sqrt(3), that is up to 14.828."""
    for seed, seconds in enumerate((1.0, 2.0, 9.0)):
        write_run(tmp_path, 0.9, 0.5, strategy="krum", seed=seed)
        change_result(tmp_path, f"krum-{seed}", wall_seconds=seconds)
    write_run(tmp_path, 0.8, 0.5)
    figure = drawn(tmp_path, Axes(x="strategy", y="wall_seconds"))
    ((low, high),) = reach(figure.axes[0])
    assert (low, high) == (0, pytest.approx(14.8284, abs=1e-3))


@pytest.mark.parametrize("number", [6, 16, 30])
def test_no_label_hides_another_however_long_names_are(tmp_path, number):
    for place in range(number):
        name = f"{place:03}_" + "a_long_name_of_a_rule_" * (1 + 4 * (place % 2))
        write_run(tmp_path, 0.9, 0.5, strategy=name)
    assert overlapping(drawn(tmp_path)) == []


@pytest.mark.parametrize("facets", [2, 4, 6])
def test_no_label_of_several_panels_hides_another(tmp_path, facets):
    for facet in range(facets):
        for place in range(8):
            for training in ("standard", "pgd"):
                write_run(tmp_path, 0.9, 0.5, strategy=f"rule_number_{place}",
                          byzantine=f"a {facet} " * 5, training=training)  # fmt: skip
    figure = drawn(tmp_path)
    assert len(figure.axes) >= facets
    assert overlapping(figure) == []


def test_more_bars_than_fit_are_refused(tmp_path):
    for place in range(60):
        write_run(tmp_path, 0.9, 0.5, strategy=f"rule_{place}")
    with pytest.raises(
        ConfigError, match=r"60 bars do not fit.*--where strategy=VALUE"
    ):
        drawing_for(collect(tmp_path), AXES, COMMAND)


def test_names_with_signs_are_drawn_literally_on_one_line(tmp_path):
    names = ["<script>", "a|b", "$x_1$", "two\nlines", "\x1b[2J", "$\\frac$"]
    for place, name in enumerate(names):
        write_run(tmp_path / str(place), 0.9, 0.5, strategy=name)
    figure = drawn(tmp_path)
    assert overlapping(figure) == []
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    seen = ["<script>", "a|b", "$x_1$", "two lines", "\\x1b[2J", "$\\frac$"]
    assert sorted(labels) == sorted(seen)
    assert not any(t.get_parse_math() for t in figure.axes[0].get_xticklabels())
