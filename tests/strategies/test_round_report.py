"""Whom the report of a round names."""

import numpy as np
import pytest

from strategies.preaggregators import NNM
from strategies.rules import Mean, Median, MultiKrum
from tests.strategies.federation import one_value_round


@pytest.mark.parametrize(
    ("rule", "selected", "excluded"),
    [
        # Scores 5, 2, 2, 5 and more for 0 1 2 3 50, with two neighbours each.
        (MultiKrum(f=1, m=2), [1, 2], [0, 3, 4]),
        # Weights 1 1 1 1 16 are what clients declare: the mean judges nobody.
        (Mean(), None, None),
        (Mean(weighted=True), None, None),
        (Median(), None, None),
    ],
    ids=repr,
)
def test_the_report_names_who_was_selected_and_who_left_out(rule, selected, excluded):
    report = one_value_round(rule, [0, 1, 2, 3, 50], [1, 1, 1, 1, 16])
    assert report.selected == selected
    assert report.excluded == excluded


def test_the_report_names_clients_where_rows_are_fewer():
    # Client 1 is quarantined: rows are clients 0 2 3 4 5, of scores 5 2 2 5 and more.
    values = [0, np.nan, 1, 2, 3, 50]
    report = one_value_round(MultiKrum(f=1, m=2), values)
    assert report.accepted == [0, 2, 3, 4, 5]
    assert report.selected == [2, 3]
    assert report.excluded == [0, 4, 5]


def test_rows_that_a_preaggregator_mixed_have_no_clients():
    report = one_value_round(
        MultiKrum(f=1, m=2), [0, 1, 2, 4, 50], preaggregators=[NNM(f=1)]
    )
    assert report.selected is None
    assert report.excluded is None
