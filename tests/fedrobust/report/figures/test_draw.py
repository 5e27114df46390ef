"""From axes to a figure with what stands under it."""

import shlex

import pytest

from fedrobust.errors import ConfigError
from fedrobust.report import collect
from fedrobust.report.figures import Axes, drawing_for
from fedrobust.report.write import all_drawings
from tests.fedrobust.report.runs import change_result, write_run

COMMAND = "fedrobust report 'my runs'"


def sweep(folder, rules, numbers, **choices) -> None:
    for rule in rules:
        for number in numbers:
            more = {"num_byzantine": number}
            write_run(folder, 0.9, 0.5, strategy=rule, more=more, **choices)


def test_more_lines_than_can_be_told_apart_are_refused_or_told(tmp_path):
    sweep(tmp_path, [f"rule_{number}" for number in range(13)], range(27))
    runs, axes = collect(tmp_path), Axes(x="num_byzantine", y="clean_accuracy")
    told = (
        "13 lines would hide one another, at most 12 can be told apart: choose with "
        "--where strategy=VALUE or another --hue"
    )
    with pytest.raises(ConfigError) as error:
        drawing_for(runs, axes, COMMAND)
    assert str(error.value) == told
    drawing = drawing_for(runs, axes, COMMAND, fix=True)
    assert (drawing.figure, drawing.reason) == (None, f"{told}.")
    assert drawing.name == "clean-accuracy-over-num-byzantine"


def test_many_lines_of_few_points_are_rows_of_a_heat_map(tmp_path):
    for number in range(13):
        for place, epsilon in enumerate((None, 0.1, 0.1000001)):
            rule, clean = f"rule_{number:02}", (number + place) / 100
            write_run(tmp_path, clean, 0.5, strategy=rule,
                      epsilon=epsilon, objective={"epsilon": epsilon})  # fmt: skip
    axes = Axes(x="training.epsilon", y="clean_accuracy")
    drawing = drawing_for(collect(tmp_path), axes, COMMAND)
    place = drawing.figure.axes[0]
    columns = [label.get_text() for label in place.get_xticklabels()]
    # Numbers that differ late are columns of their own: nothing is averaged over them.
    assert sorted(columns) == ["(none)", "0.1", "0.1000001"]
    shown = [t.get_text() for t in place.texts if t.get_position()[1] == 12]
    assert sorted(shown) == ["12.0", "13.0", "14.0"]
    assert "otted" not in drawing.caption


def test_more_panels_than_fit_are_refused(tmp_path):
    sweep(tmp_path, [f"rule_{number}" for number in range(13)], (0, 1))
    axes = Axes(x="num_byzantine", y="clean_accuracy", facet="strategy")
    with pytest.raises(ConfigError, match="13 panels are more than 12"):
        drawing_for(collect(tmp_path), axes, COMMAND)


def test_a_panel_for_each_value_of_the_facet_with_its_title(tmp_path):
    sweep(tmp_path, ("fedavg", "krum", "median"), (0, 1))
    axes = Axes(x="num_byzantine", y="clean_accuracy", facet="strategy")
    figure = drawing_for(collect(tmp_path), axes, COMMAND).figure
    titles = [place.get_title() for place in figure.axes]
    assert titles == ["strategy: fedavg", "strategy: krum", "strategy: median"]
    assert [len(place.lines) for place in figure.axes] == [1, 1, 1]


def test_the_title_of_a_panel_names_its_key_in_full(tmp_path):
    for epsilon in (0.1, 0.2):
        for rule in ("fedavg", "krum"):
            write_run(tmp_path, 0.9, {"0.1": 0.5}, strategy=rule, epsilon=epsilon,
                      objective={"epsilon": epsilon})  # fmt: skip
    axes = Axes(x="epsilon", y="robust_accuracy", facet="training.epsilon")
    figure = drawing_for(collect(tmp_path), axes, COMMAND).figure
    titles = [place.get_title() for place in figure.axes]
    assert titles == ["training.epsilon: 0.1", "training.epsilon: 0.2"]


def test_under_a_figure_stand_its_command_digests_seeds_and_marks(tmp_path):
    for seed in (0, 1):
        sweep(tmp_path, ("fedavg", "krum"), (0, 1), seed=seed)
    change_result(tmp_path, "krum-01", skipped_rounds=2)
    runs = collect(tmp_path)
    axes = Axes(x="num_byzantine", y="clean_accuracy", where={"strategy": "krum"})
    drawing = drawing_for(runs, axes, COMMAND)
    assert drawing.command == (
        f"{COMMAND} --x num_byzantine --y clean_accuracy --where strategy=krum"
    )
    assert drawing.digests == ["krum-00", "krum-01", "krum-10", "krum-11"]
    assert (drawing.seeds, drawing.footnotes) == ((2, 2), ["a"])
    assert drawing.title == "Clean accuracy by num byzantine"
    assert "Runs with strategy=krum; --where draws others." in drawing.caption
    assert "Two seeds: mean, and bars from one to the other." in drawing.caption
    other = Axes(x="num_byzantine", y="clean_accuracy", where={"strategy": "fedavg"})
    assert drawing_for(runs, other, COMMAND).footnotes == []


def test_a_value_with_signs_of_the_shell_is_quoted_in_the_command(tmp_path):
    for place, value in enumerate(("a b$HOME", "it's; rm -r")):
        sweep(tmp_path / str(place), (value,), (0, 1))
    axes = Axes(x="num_byzantine", y="clean_accuracy", where={"strategy": "a b$HOME"})
    words = shlex.split(drawing_for(collect(tmp_path), axes, COMMAND).command)
    assert words[:3] == ["fedrobust", "report", "my runs"]
    assert words[-2:] == ["--where", "strategy=a b$HOME"]


def test_what_holds_for_all_runs_stands_under_each_figure(tmp_path):
    for rule in ("fedavg", "krum"):
        write_run(tmp_path, 0.9, 0.5, strategy=rule, failed=True)
    runs = collect(tmp_path)
    axes = Axes(x="strategy", y="clean_accuracy")
    told = (
        "All runs: failed the check within_ball, so the robust accuracy cannot be "
        "believed."
    )
    assert drawing_for(runs, axes, COMMAND).caption == told
    drawn = [d for d in all_drawings(runs, COMMAND) if d.figure is not None]
    assert len(drawn) > 2
    assert all(drawing.caption.endswith(told) for drawing in drawn)
