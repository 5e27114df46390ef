"""The success of a backdoor."""

import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.backdoor import (
    MOST_BARS,
    MOST_LINES,
    Bar,
    bars_figure,
    drawings,
    rounds_figure,
)
from fedrobust.report.style import PALETTE
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.stored import write


def points(line):
    return [(x, pytest.approx(y)) for x, y in zip(*line.get_data(), strict=True)]


def curve(*successes):
    return [{"backdoor_success": success} for success in successes]


def test_bars_are_means_and_every_seed_is_marked():
    figure = bars_figure([Bar("a", [0.2, 0.4], [0.9, 0.7]), Bar("b", [1.0], [0.5])])
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [pytest.approx(30), 100]
    clean, seeds = axes.lines
    assert points(clean) == [(pytest.approx(80), 0), (50, 1)]
    assert points(seeds) == [(20, 0), (40, 0), (100, 1)]


def test_single_seeds_are_not_marked_again():
    (axes,) = bars_figure([Bar("a", [0.2], [0.9])]).axes
    assert len(axes.lines) == 1


def test_the_first_bar_is_on_top():
    (axes,) = bars_figure([Bar("a", [0.2], [0.9]), Bar("b", [0.3], [0.9])]).axes
    low, high = axes.get_ylim()
    assert low > high


@pytest.mark.parametrize(
    "label", ["a", "strategy=krum byzantine=[dba,$x_1$] <script>…"]
)
@pytest.mark.parametrize("count", [1, 2, MOST_BARS])
def test_many_bars_and_lines_can_be_read(label, count):
    assert_legible(bars_figure([Bar(label, [0.2, 0.3], [0.9, 0.9])] * count))
    lines = [(label, [1, 2, 3], [0.0, 0.5, 1.0])] * min(count, MOST_LINES)
    assert_legible(rounds_figure(lines))


def test_experiments_are_sorted_and_rounds_averaged_over_seeds(tmp_path):
    for strategy, seed, *rounds in (
        ("mean", 0, 0.5, None, 0.9),
        ("mean", 1, 0.7, 0.1, 0.7),
        ("krum", 0, 0.0, 0.0, 0.0),
    ):
        result = {"backdoor_success": rounds[-1]}
        write(tmp_path, strategy=strategy, seed=seed, rounds=curve(*rounds),
              result=result)  # fmt: skip
    after, by_round = drawings(collect(tmp_path))
    labels = [text for text in words(after.figure) if text.startswith("strategy")]
    assert labels == ["strategy=krum", "strategy=mean"]
    assert after.seeds == (1, 2)
    (axes,) = by_round.figure.axes
    lines = {line.get_label(): points(line) for line in axes.lines}
    # Round 2 was not evaluated with every seed.
    assert lines["strategy=mean"] == [(1, 60), (3, 80)]
    assert lines["strategy=krum"] == [(1, 0), (2, 0), (3, 0)]


def test_runs_of_one_seed_are_averaged_before_seeds(tmp_path):
    for seed, dealt, success in ((0, 0, 0.2), (0, 1, 0.4), (1, 0, 0.9)):
        write(tmp_path, strategy="mean", seed=seed, rounds=curve(success, success),
              more={"partition": {"seed": dealt}},
              result={"backdoor_success": success})  # fmt: skip
    _, by_round = drawings(collect(tmp_path))
    (axes,) = by_round.figure.axes
    # 30 % with seed 0 and 90 % with seed 1.
    assert points(axes.lines[0]) == [(1, 60), (2, 60)]
    assert by_round.seeds == (2, 2)


def test_a_strategy_has_the_colour_and_the_place_that_it_has_elsewhere(tmp_path):
    """Although krum succeeds least, and the median was not attacked."""
    for strategy, byzantine, last in (
        ("median", "none", None),
        ("fedavg", "dba", 0.9),
        ("krum", "dba", 0.1),
        ("krum", "backdoor", 0.2),
    ):
        rounds = curve(0.5, last) if last is not None else []
        result = {} if last is None else {"backdoor_success": last}
        write(tmp_path, strategy=strategy, byzantine=byzantine, rounds=rounds,
              result=result)  # fmt: skip
    _, by_round = drawings(collect(tmp_path))
    lines = by_round.figure.axes[0].lines
    found = [(line.get_label(), line.get_color()) for line in lines]
    assert [colour for _, colour in found] == [PALETTE[0], PALETTE[1], PALETTE[1]]
    assert "strategy=fedavg" in found[0][0]
    assert len({line.get_linestyle() for line in lines[1:]}) == 2


def test_a_run_that_was_evaluated_once_has_no_line(tmp_path):
    write(tmp_path, rounds=curve(None, 0.4), result={"backdoor_success": 0.4})
    after, by_round = drawings(collect(tmp_path))
    assert after.figure is not None
    assert "evaluation.every=1" in by_round.reason


def test_only_some_of_many_experiments_are_drawn(tmp_path):
    for number in range(MOST_BARS + 6):
        result = {"backdoor_success": number / 100}
        write(tmp_path, strategy=f"s{number:02}", rounds=curve(0.1, 0.2), result=result)
    after, by_round = drawings(collect(tmp_path))
    bars = after.figure.axes[0].patches
    assert len(bars) == MOST_BARS
    assert bars[0].get_width() == 0
    assert bars[-1].get_width() == pytest.approx(MOST_BARS + 5)
    assert f"{MOST_BARS} of {MOST_BARS + 6} experiments" in after.caption
    assert len(by_round.figure.axes[0].lines) == MOST_LINES


def test_without_a_backdoor_the_choices_are_named(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert "byzantine to backdoor" in drawn.reason
