"""The accuracy of each client."""

import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.clients import (
    ClientScores,
    clients_figure,
    drawings,
    scores_of,
)
from fedrobust.report.style import INK, PALETTE
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.stored import write

THREE = ClientScores({0: 0.9, 1: 0.3, 2: 0.6}, {0: 0.4, 1: 0.1, 2: 0.5}, frozenset({1}))


def federated(clean, robust):
    """Return the accuracies of clients as a result has them, under pgd at 0.1."""
    figures = [
        {"clean_accuracy": c, "robust_accuracy": {"pgd": {"0.1": r}}}
        for c, r in zip(clean, robust, strict=True)
    ]
    return {"by_client": {str(client): each for client, each in enumerate(figures)}}


def points(axes):
    """Return the points of each line of an axes, by its colour and marker."""
    return {
        (line.get_color(), line.get_marker()): [
            (x, pytest.approx(y)) for x, y in zip(*line.get_data(), strict=True)
        ]
        for line in axes.lines
    }


def test_clients_are_sorted_and_robust_accuracy_keeps_the_rank():
    drawn = points(clients_figure([("a", [THREE])]).axes[0])
    assert drawn[PALETTE[0], "o"] == [(1, 30), (2, 60), (3, 90)]
    assert drawn[PALETTE[1], "D"] == [(1, 10), (2, 50), (3, 40)]


def test_the_worst_and_the_median_are_those_of_honest_clients():
    assert THREE.worst == 2
    figure = clients_figure([("a", [THREE])])
    assert "a\nworst 60 (client 2), median 75" in words(figure)
    drawn = points(figure.axes[0])
    assert drawn[INK, "o"] == [(2, 60)]
    assert drawn[INK, "x"] == [(1, 30), (1, 10)]


def test_if_all_are_byzantine_the_worst_is_one_of_them():
    assert ClientScores({0: 0.5, 1: 0.4}, {}, frozenset({0, 1})).worst == 1


def test_several_seeds_are_thin_lines_around_their_mean():
    seeds = [ClientScores({0: 0.2, 1: 0.8}), ClientScores({0: 0.6, 1: 0.4})]
    lines = clients_figure([("a", seeds)]).axes[0].lines
    drawn = [line.get_ydata().tolist() for line in lines]
    assert drawn == [[20, 80], [40, 60], [pytest.approx(30), pytest.approx(70)]]


def test_seeds_with_other_numbers_of_clients_have_no_mean():
    seeds = [ClientScores({0: 0.2, 1: 0.8}), ClientScores({0: 0.6})]
    assert len(clients_figure([("a", seeds)]).axes[0].lines) == 2


def test_the_lowest_attack_counts_and_clients_without_a_figure_are_left_out():
    curves = {"a": {"0.1": 0.5}, "b": {"0.1": 0.4}, "c": {"0.2": 0.0}}
    by_client = {
        "3": {"clean_accuracy": 0.9, "robust_accuracy": curves},
        "4": {"clean_accuracy": None, "robust_accuracy": {}},
    }
    found = scores_of({"by_client": by_client}, [3], "0.1")
    assert found == ClientScores({3: 0.9}, {3: 0.4}, frozenset({3}))


@pytest.mark.parametrize("panels", [1, 2, 4])
@pytest.mark.parametrize("clients", [2, 200])
def test_the_figure_can_be_read(panels, clients):
    clean = {client: client / clients for client in range(clients)}
    robust = {client: accuracy / 2 for client, accuracy in clean.items()}
    one = ClientScores(clean, robust, frozenset({0}))
    title = "byzantine=sign_flip strategy=multi_krum $x_1$ <script>" * 3
    given = [(title, [one] if number % 2 else [one, one]) for number in range(panels)]
    # Of several kinds of panels, the legend has the entries of all.
    assert_legible(clients_figure(given))
    if panels == 1:
        assert_legible(clients_figure([(title, [one])]))


def test_runs_are_drawn_by_group_and_epsilon(tmp_path):
    for strategy in ("a", "b"):
        for seed in (0, 1):
            result = {"federated": federated([0.5, 0.7], [0.1, 0.2])}
            write(tmp_path, strategy=strategy, seed=seed, result=result)
    (drawn,) = drawings(collect(tmp_path))
    assert len(drawn.figure.axes) == 2
    assert "ε = 0.1" in drawn.caption
    assert drawn.seeds == (2, 2)
    assert len(drawn.digests) == 4


def test_no_more_than_four_groups_are_drawn(tmp_path):
    result = {"federated": federated([0.5, 0.7], [0.1, 0.2])}
    for number in range(6):
        write(tmp_path, 0.9, number / 10, strategy=f"s{number}", result=result)
    (drawn,) = drawings(collect(tmp_path))
    assert len(drawn.figure.axes) == 4
    assert "4 of 6 experiments are drawn" in drawn.caption


def test_without_clients_that_evaluate_the_key_is_named(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert "partition.holdout" in drawn.reason
