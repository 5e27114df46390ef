"""Krum and Multi-Krum, by hand, in each published variant."""

import numpy as np
import pytest

from strategies.rules import Krum, MultiKrum, RuleContext
from tests.strategies.matrices import column


def test_krum_by_hand():
    # n = 5, f = 1: each score is the sum of the 5 - 1 - 2 = 2 least squared distances.
    #   0: 1 + 4 = 5    1: 1 + 1 = 2    2: 1 + 4 = 5    4: 4 + 9 = 13    50: huge
    updates = column(0, 1, 2, 4, 50)
    aggregate = Krum(f=1)(updates)
    assert aggregate.vector == 1
    np.testing.assert_array_equal(aggregate.selected, [1])
    np.testing.assert_array_equal(
        aggregate.diagnostics["scores"], [5, 2, 5, 13, 46**2 + 48**2]
    )


def test_krum_counts_n_minus_f_minus_2_neighbours_not_one_more():
    updates = column(0, 1, 2, 5, 7, 9)
    paper = Krum(f=1)(updates)
    # n = 6, f = 1: 3 neighbours. 0: 1 + 4 + 25, 1: 1 + 1 + 16, 2: 1 + 4 + 9, ...
    # ByzFL counts 4 of them, which would make the first score 79.
    np.testing.assert_array_equal(paper.diagnostics["scores"], [30, 18, 14, 29, 33, 69])
    assert paper.vector == 2


def test_multi_krum_averages_the_m_best_rows_with_equal_weights():
    context = RuleContext(num_examples=np.array([1, 10**7, 1, 1, 1]))
    aggregate = MultiKrum(f=1, m=3)(column(0, 1, 2, 4, 50), context=context)
    np.testing.assert_array_equal(aggregate.selected, [0, 1, 2])
    assert aggregate.vector == 1


def test_multi_krum_averages_n_minus_f_by_default():
    aggregate = MultiKrum(f=1)(column(0, 1, 2, 4, 50))
    np.testing.assert_array_equal(aggregate.selected, [0, 1, 2, 3])
    assert aggregate.vector == 1.75


def test_krum_takes_the_lowest_row_among_equals():
    np.testing.assert_array_equal(Krum(f=1)(column(3, 3, 3, 3, 3)).selected, [0])


@pytest.mark.parametrize(
    ("variant", "scores", "selected"),
    [
        # 3 neighbours, squared: for 11 that is 1 + 25 + 25, for 12 it is 1 + 16 + 36.
        ("paper", [161, 101, 77, 51, 53, 57, 161], 11),
        # 4 neighbours, squared: for 6 that is 16 + 25 + 36 + 36.
        ("byzfl", [305, 201, 113, 132, 117, 157, 357], 6),
        # 3 neighbours, to the 4th: for 16 that is 256 + 256 + 625.
        ("epfml", [15953, 6833, 2177, 1251, 1553, 1137, 10913], 16),
        # 4 neighbours, plain: for 12 that is 1 + 4 + 6 + 8.
        ("monna", [31, 25, 21, 20, 19, 23, 35], 12),
    ],
)
def test_the_four_krums_select_four_different_updates(variant, scores, selected):
    # n = 7, f = 2. Distances: 0: 2 6 11 12,  2: 2 4 9 10,  6: 4 5 6 6,  11: 1 5 5 9,
    # 12: 1 4 6 8,  16: 4 4 5 10,  20: 4 8 9 14.
    found = Krum(f=2, variant=variant)(column(0, 2, 6, 11, 12, 16, 20))
    np.testing.assert_array_equal(found.diagnostics["scores"], scores)
    assert found.vector == selected


def test_multi_krum_with_m_one_is_krum_and_with_more_the_mean_of_the_best():
    # Scores as above: 51 for 11, 53 for 12, 57 for 16, 77 for 6.
    updates = column(0, 2, 6, 11, 12, 16, 20)
    for m, expected in ((1, 11), (2, 11.5), (3, 13), (4, 45 / 4)):
        assert MultiKrum(f=2, m=m)(updates).vector == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Krum(f=-1), "f=-1: must be at least 0"),
        (lambda: MultiKrum(f=1, m=0), "m=0: must be at least 1"),
        (lambda: Krum(f=1)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
        (lambda: MultiKrum(f=1, m=6)(column(1, 2, 3, 4, 5, 6)), "at least 7"),
        (lambda: Krum(variant="mine"), "variant='mine': must be one of 'paper'"),
        (lambda: Krum(f=2, variant="byzfl")(column(1, 2, 3, 4)), "at least 5"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
