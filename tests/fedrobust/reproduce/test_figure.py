"""The figure of a reproduction."""

import pytest

from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.figure import against, by_cell
from fedrobust.reproduce.published import read_published


def test_cells_outside_are_numbered_in_the_figure_and_share_a_label_where_near(toy):
    path = toy / "demo" / "published.csv"
    path.write_text(
        "rule,measure,value,sd,n,source\navg,accuracy,50,1,3,a\ncm,accuracy,52,1,3,b\n"
    )
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for ours, expected in (("92", ["1, 2"]), ("70", ["1", "2"])):
        for rule, value in (("avg", "90"), ("cm", ours)):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), 0] = {**row, "accuracy": value}
        figure = against(reproduction, results, read_published(reproduction))
        axes = figure.axes[0]
        assert [text.get_text() for text in axes.texts] == expected
        _, words = axes.get_legend_handles_labels()
        assert words == ["outside", "1  avg", "2  cm"]


@pytest.mark.parametrize("name", ["zhang2023_undefended", "zizzo2020_fat"])
def test_where_nothing_is_judged_the_figure_has_every_number(name):
    reproduction = load_reproduction(name)
    assert reproduction.verdict == "compared"
    results = Results(reproduction)
    published = read_published(reproduction)
    figure = by_cell(reproduction, results, published)
    for axes, measure in zip(figure.axes, reproduction.measures, strict=True):
        numbers = results.numbers(measure)
        drawn = {
            label.get_text(): sorted(
                float(x)
                for line in axes.lines
                if line.get_marker() == "o"
                for x, y in zip(*line.get_data(), strict=True)
                if y == place
            )
            for place, label in zip(
                figure.axes[0].get_yticks(), figure.axes[0].get_yticklabels(),
                strict=True,
            )
        }  # fmt: skip
        ours = {"/".join(c): sorted(numbers.get(c, [])) for c in reproduction.cells}
        assert drawn == {cell: ours[cell] for cell in drawn}
        assert {cell for cell in ours if ours[cell]} <= set(drawn)
        hollow = sorted(
            float(line.get_xdata()[0])
            for line in axes.lines
            if line.get_marker() == "D" and len(line.get_xdata())
        )
        assert hollow == sorted(
            paper.value
            for (cell, of), paper in published.items()
            if of == measure and "/".join(cell) in drawn
        )
