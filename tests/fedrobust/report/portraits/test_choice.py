"""Which runs are drawn, and what stands under them."""

import pytest
from matplotlib.figure import Figure

from fedrobust.errors import FileError
from fedrobust.report.collect import collect
from fedrobust.report.portraits.choice import (
    Kind,
    byzantine_of,
    each_of,
    evenly,
    labels_of,
    most_and_least_robust,
    shared_epsilon,
    shortened,
)
from tests.fedrobust.report.portraits.stored import write

KIND = Kind("some-figure", "A figure", "clients")


@pytest.mark.parametrize(
    ("number", "most", "places"),
    [(0, 3, []), (1, 3, [0]), (2, 3, [0, 1]), (9, 3, [0, 4, 8]), (754, 2, [0, 753])],
)
def test_places_are_even_from_the_first_to_the_last(number, most, places):
    assert evenly(number, most) == places


def test_the_most_and_the_least_robust_are_chosen(tmp_path):
    for strategy, robust in (("a", 0.4), ("b", 0.1), ("c", 0.7)):
        write(tmp_path, 0.9, robust, strategy=strategy)
    chosen = most_and_least_robust(collect(tmp_path).groups)
    assert [each.label for each in chosen] == ["strategy=c", "strategy=b"]
    assert chosen[1].place == ", number 3 of 3 by robust accuracy"


def test_without_attacks_the_clean_accuracy_decides_and_is_named(tmp_path):
    for strategy, clean in (("a", 0.4), ("b", 0.1), ("c", 0.7)):
        write(tmp_path, clean, {}, strategy=strategy)
    chosen = most_and_least_robust(collect(tmp_path).groups)
    assert [each.label for each in chosen] == ["strategy=c", "strategy=b"]
    assert chosen[0].place == ", number 1 of 3 by clean accuracy"


def test_all_are_chosen_in_their_own_order_if_they_are_few(tmp_path):
    for strategy, robust in (("a", 0.1), ("b", 0.4)):
        write(tmp_path, 0.9, robust, strategy=strategy)
    chosen = most_and_least_robust(collect(tmp_path).groups)
    assert [(each.label, each.place) for each in chosen] == [
        ("strategy=a", ""),
        ("strategy=b", ""),
    ]


def test_only_shared_epsilons_decide_and_clean_accuracy_breaks_ties(tmp_path):
    write(tmp_path, 0.9, {"0.1": 0.2, "0.2": 0.9}, strategy="a")
    write(tmp_path, 0.7, {"0.1": 0.3}, strategy="b")
    write(tmp_path, 0.8, {"0.1": 0.3}, strategy="c")
    chosen = most_and_least_robust(collect(tmp_path).groups)
    assert [each.label for each in chosen] == ["strategy=c", "strategy=a"]


def test_the_epsilon_of_the_report_or_the_middle_one_that_runs_share(tmp_path):
    write(tmp_path, 0.9, {"0.0": 0.9, "0.1": 0.8, "0.2": 0.4, "0.3": 0.1})
    runs = collect(tmp_path).groups[0].runs
    assert shared_epsilon(runs, "0.3") == "0.3"
    assert shared_epsilon(runs, "0.4") == "0.2"
    assert shared_epsilon(runs, None) == "0.2"


def test_runs_without_attacks_share_no_epsilon(tmp_path):
    write(tmp_path, 0.9, {})
    assert shared_epsilon(collect(tmp_path).groups[0].runs, None) is None


def test_clients_are_not_byzantine_without_an_attack(tmp_path):
    for number, node in enumerate(({}, {"_target_": "some.Attack"})):
        more = {"byzantine": node}
        result = {"byzantine_clients": [1, 2]}
        write(tmp_path, seed=number, more=more, result=result)
    groups = collect(tmp_path).groups
    found = {run.result.seed: byzantine_of(run) for g in groups for run in g.runs}
    assert found == {0: [], 1: [1, 2]}


def test_labels_name_only_what_differs(tmp_path):
    for strategy in ("a", "b"):
        for byzantine in ("none", "alie"):
            write(tmp_path, strategy=strategy, byzantine=byzantine)
    groups = collect(tmp_path).groups
    attacked = [group for group in groups if group.labels["byzantine"] == "alie"]
    assert labels_of(attacked) == ["strategy=a", "strategy=b"]
    assert labels_of(attacked[:1]) == ["strategy=a byzantine=alie"]


def test_a_text_is_cut_and_stays_on_one_line():
    assert shortened("a\nb") == "a b"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_a_drawing_names_its_run(tmp_path):
    for strategy in ("a", "b"):
        write(tmp_path, strategy=strategy, seed=3)
    runs = collect(tmp_path)
    chosen = most_and_least_robust(runs.groups)
    first, second = each_of(
        KIND, runs.marks, chosen, lambda run: (Figure(), "What is drawn.")
    )
    assert (first.name, second.name) == ("some-figure", "some-figure-2")
    assert second.title == "A figure: strategy=b"
    assert second.caption == "What is drawn. Seed 3 of strategy=b."
    assert second.digests == ["b-3"]
    assert second.seeds == (1, 1)


def test_the_marks_of_a_run_travel_with_its_figures(tmp_path):
    for strategy in ("a", "b"):
        write(tmp_path, strategy=strategy, failed=strategy == "b")
    runs = collect(tmp_path)
    chosen = most_and_least_robust(runs.groups)
    drawn = each_of(KIND, runs.marks, chosen, lambda run: (Figure(), ""))
    (letter,) = runs.marks.footnotes
    assert [each.footnotes for each in drawn] == [[], [letter]]
    together = KIND.of_groups(Figure(), "", runs.groups, runs.marks)
    assert together.footnotes == [letter]


def test_a_figure_without_numbers_gives_its_reason(tmp_path):
    write(tmp_path)
    runs = collect(tmp_path)
    chosen = most_and_least_robust(runs.groups)
    (drawn,) = each_of(KIND, runs.marks, chosen, lambda run: "Nothing was recorded.")
    assert drawn.reason == "Nothing was recorded."
    assert drawn.figure is None


def test_a_torn_file_is_the_reason_of_its_own_figure_alone(tmp_path):
    for strategy in ("a", "b"):
        write(tmp_path, strategy=strategy)

    def draw(run):
        if run.config["choices"]["strategy"] == "a":
            raise FileError("x.json is torn")
        return Figure(), ""

    runs = collect(tmp_path)
    drawn = each_of(KIND, runs.marks, most_and_least_robust(runs.groups), draw)
    assert [each.reason for each in drawn] == ["x.json is torn", ""]
    assert drawn[1].figure is not None
