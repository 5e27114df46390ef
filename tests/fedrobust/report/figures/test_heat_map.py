"""Heat maps of rules against attacks and of any two keys: what is drawn, by hand."""

import numpy as np
import pytest

from fedrobust.errors import ConfigError
from fedrobust.report import collect, grids
from fedrobust.report.figures import Axes, data_for, draw, drawing_for
from fedrobust.report.figures.heat_map import draw_grids
from fedrobust.report.figures.matrix import Matrix, draw_matrices, pages
from fedrobust.report.style import PAGE, settle
from tests.fedrobust.report.figures.boxes import overlapping
from tests.fedrobust.report.runs import change_result, write_run

COMMAND = "fedrobust report runs"


def cells(place) -> list[list[str]]:
    """Return the texts of a matrix by row."""
    found = {t.get_position(): t.get_text() for t in place.texts}
    columns = {x for x, _ in found}
    return [
        [found[x, y] for x in sorted(columns)] for y in sorted({y for _, y in found})
    ]


def names(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def write_grid(folder, rules=("fedavg", "krum"), attacks=("none", "alie", "ipm")):
    for r, rule in enumerate(rules):
        for a, attack in enumerate(attacks):
            for seed in (0, 1, 2):
                clean = 0.9 - 0.2 * r - 0.1 * a + 0.02 * (seed - 1)
                write_run(
                    folder, clean, 0.5, strategy=rule, byzantine=attack, seed=seed
                )


def test_a_cell_has_the_mean_its_spread_and_its_marks(tmp_path):
    write_grid(tmp_path)
    change_result(tmp_path, "krum-alie-1", skipped_rounds=1)
    (figure,) = draw_grids(grids(collect(tmp_path))[:1])
    place, bar = figure.axes
    assert names(place.xaxis) == ["none", "worst", "alie", "ipm"]
    assert names(place.yaxis) == ["fedavg", "krum"]
    # Seeds two points apart have a standard deviation of 2, as in the tables.
    assert cells(place) == [
        ["90.0\n±2.0", "70.0\n±2.0", "80.0\n±2.0", "70.0\n±2.0"],
        ["70.0\n±2.0", "50.0ᵃ\n±2.0", "60.0ᵃ\n±2.0", "50.0\n±2.0"],
    ]
    (image,) = place.images
    np.testing.assert_allclose(image.get_array()[0], [90, 70, 80, 70])
    assert image.get_clim() == (0, 100)
    assert bar.get_ylabel().split() == ["clean", "accuracy", "(%)"]


def test_different_experiments_are_never_averaged(tmp_path):
    """Those that differ in more than the rule and the attack have their own matrix."""
    for epsilon in (0.1, 0.2):
        for rule, clean in (("fedavg", epsilon), ("krum", 3 * epsilon)):
            for attack in ("none", "alie"):
                write_run(tmp_path, clean, 0.5, strategy=rule, byzantine=attack,
                          epsilon=epsilon)  # fmt: skip
    (figure,) = draw_grids(grids(collect(tmp_path))[:2])
    first, second, _ = figure.axes
    assert (first.get_title(), cells(first)) == (
        "epsilon=0.1", [["10.0", "10.0"], ["30.0", "30.0"]],
    )  # fmt: skip
    assert (second.get_title(), cells(second)) == (
        "epsilon=0.2", [["20.0", "20.0"], ["60.0", "60.0"]],
    )  # fmt: skip


def test_success_of_an_attacker_has_the_other_colours(tmp_path):
    for attack in ("backdoor", "dba"):
        for rule in ("fedavg", "krum"):
            write_run(tmp_path, 0.9, 0.5, byzantine=attack, strategy=rule)
            change_result(tmp_path, f"{attack}-{rule}-0", backdoor_success=0.4)
    success = grids(collect(tmp_path))[-1:]
    (figure,) = draw_grids(success)
    place = figure.axes[0]
    assert place.images[0].get_cmap().name == "magma_r"
    assert cells(place) == [["40.0"] * 3] * 2


def test_many_attacks_are_cut_into_pages_and_none_is_lost(tmp_path):
    attacks = [f"attack_{number:02}" for number in range(24)]
    rules = [f"rule_{number:02}" for number in range(15)]
    for r, rule in enumerate(rules):
        for a, attack in enumerate(attacks):
            write_run(tmp_path, (r + a) / 100, 0.5, strategy=rule, byzantine=attack)
    figures = draw_grids(grids(collect(tmp_path))[:1])
    assert len(figures) > 1
    seen = []
    for figure in figures:
        assert max(figure.get_size_inches()) < 11
        assert overlapping(figure) == []
        for place in figure.axes[:-1]:
            assert names(place.yaxis) == rules
            seen += names(place.xaxis)
    assert seen == ["worst", *attacks]


def test_pages_share_columns_evenly_and_keep_the_line_after_the_worst():
    values = np.arange(20.0).reshape(2, 10)
    texts = [[f"{value:.0f}" for value in row] for row in values]
    whole = Matrix(["a", "b"], list("0123456789"), values, texts, "t", split=2)
    parts = pages(whole, most=4)
    assert [len(part.columns) for part in parts] == [3, 4, 3]
    assert [part.split for part in parts] == [2, 0, 0]
    assert [part.title for part in parts] == [f"t ({i} of 3)" for i in (1, 2, 3)]
    np.testing.assert_array_equal(np.hstack([p.values for p in parts]), values)
    assert [[t for part in parts for t in part.texts[r]] for r in (0, 1)] == texts
    assert pages(whole, most=10)[0].title == "t"


def test_two_keys_with_many_values_are_a_heat_map(tmp_path):
    rules = [f"rule_{number}" for number in range(6)]
    for r, rule in enumerate(rules):
        for t, training in enumerate(("noise", "pgd", "trades")):
            for seed in (0, 1, 2):
                clean = 0.5 + 0.05 * r + 0.01 * t + 0.02 * (seed - 1)
                write_run(tmp_path, clean, 0.5, strategy=rule, training=training,
                          seed=seed)  # fmt: skip
    drawing = drawing_for(
        collect(tmp_path), Axes(x="strategy", y="clean_accuracy"), COMMAND
    )
    place = drawing.figure.axes[0]
    assert (names(place.xaxis), names(place.yaxis)) == (
        rules,
        ["noise", "pgd", "trades"],
    )
    # Seeds two points apart have a standard deviation of 2, as in the tables.
    assert cells(place)[1][2] == "61.0\n±2.0"
    assert drawing.caption == "Means, ± the standard deviation (n - 1) over seeds."
    assert (place.get_xlabel(), place.get_ylabel()) == ("strategy", "training")


def test_the_spread_of_a_cell_is_not_cut_where_a_share_ends(tmp_path):
    for rule in range(9):
        for training in ("noise", "pgd"):
            for seed, clean in enumerate((0.96, 0.98, 1.0)):
                write_run(tmp_path, clean, 0.5, strategy=f"r{rule}", training=training,
                          seed=seed)  # fmt: skip
    figure = draw(data_for(collect(tmp_path), Axes(x="strategy", y="clean_accuracy")))
    assert {text for row in cells(figure.axes[0]) for text in row} == {"98.0\n±2.0"}


def test_numbers_that_are_no_shares_have_three_significant_digits(tmp_path):
    """Two seeds at 0.01 and 0.02 are 0.015 ± 0.01 / sqrt(2)."""
    for rule in range(9):
        for training in ("noise", "pgd"):
            for seed in (0, 1):
                write_run(tmp_path, 0.9, 0.5, strategy=f"r{rule}", training=training,
                          seed=seed)  # fmt: skip
                seconds = 0.01 * (1 + seed) if training == "pgd" else 23456.7
                change_result(tmp_path, f"r{rule}-{training}-{seed}",
                              wall_seconds=seconds)  # fmt: skip
    axes = Axes(x="strategy", y="wall_seconds")
    place = draw(data_for(collect(tmp_path), axes)).axes[0]
    assert {*map(tuple, cells(place))} == {
        ("23457\n±0",) * 9, ("0.015\n±0.00707",) * 9,
    }  # fmt: skip


def test_panels_of_names_without_a_hue_are_named_by_the_measure(tmp_path):
    for rule in range(20):
        for training in ("noise", "pgd"):
            write_run(tmp_path, 0.9, 0.5, strategy=f"r{rule}", training=training)
    axes = Axes(x="strategy", y="clean_accuracy", facet="training")
    figure = draw(data_for(collect(tmp_path), axes))
    assert {name for place in figure.axes[:-1] for name in names(place.yaxis)} == {
        "clean accuracy (%)"
    }


def test_a_heat_map_that_fits_on_no_page_is_refused(tmp_path):
    for rule in range(20):
        for attack in range(20):
            write_run(tmp_path, 0.9, 0.5, strategy=f"r{rule}", byzantine=f"a{attack}")
    axes = Axes(x="strategy", y="clean_accuracy", hue="byzantine")
    with pytest.raises(ConfigError, match=r"rows does not fit .*byzantine=VALUE"):
        draw(data_for(collect(tmp_path), axes))


def test_no_label_hides_another_however_long_names_are(tmp_path):
    long = "a long name " * 8
    write_grid(
        tmp_path,
        [f"{long}{r}" for r in range(4)],
        ["none", *(f"{long}{a}" for a in range(7))],
    )
    (figure,) = draw_grids(grids(collect(tmp_path))[:1])
    assert overlapping(figure) == []


def test_the_label_of_the_colour_bar_fits_beside_two_rows(tmp_path):
    write_grid(tmp_path, attacks=("alie", "ipm"))
    for grid in grids(collect(tmp_path)):
        (figure,) = draw_grids([grid])
        settle(figure)
        box = figure.axes[-1].yaxis.label.get_window_extent()
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
        assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize(("columns", "texts"), [(20, 400), (21, 0)])
def test_a_matrix_of_many_cells_is_one_page_without_numbers(columns, texts):
    names = [f"attack{number}" for number in range(columns)]
    values = np.full((20, columns), 50.0)
    whole = Matrix(
        [f"rule{n}" for n in range(20)], names, values, [["50"] * columns] * 20
    )
    drawn = [draw_matrices([page]) for page in pages(whole)]
    assert sum(len(figure.axes[0].texts) for figure in drawn) == texts
    assert max(figure.get_figwidth() for figure in drawn) <= PAGE
    assert texts or len(drawn) == 1
