"""Bulyan, by hand and against its definition."""

import numpy as np
import pytest

from strategies.rules import Bulyan, MultiKrum
from tests.strategies.matrices import column


def test_bulyan_iterates_and_a_single_pass_selects_another_set():
    # n = 7, f = 1: 5 rows are selected, the 3 around their median averaged.
    # Krum among all 7, with 4 neighbours: 110 79 47 38 34 47 70.      8 wins.
    # Among 0 1 3 6 9 10, with 3:  46 30 22 34 46 66.                  3 wins.
    # Among 0 1 6 9 10, with 2:  37 26 25 10 17.                       9 wins.
    # Among 0 1 6 10, with 1:  1 1 16 16.                              0 wins.
    # Among 1 6 10, with 1:  25 16 16.                                 6 wins.
    # The median of 0 3 6 8 9 is 6; nearest are 6, 8 and, at 3 like 9, 3.
    updates = column(0, 1, 3, 6, 8, 9, 10)
    bulyan = Bulyan(f=1)
    np.testing.assert_array_equal(bulyan.select(updates), [4, 2, 5, 0, 3])
    found = bulyan(updates)
    np.testing.assert_array_equal(found.selected, [0, 2, 3, 4, 5])
    assert found.vector == pytest.approx(17 / 3)
    # The five best of the first pass are 8 6 3 9 10: all scores but 110 and 79. Their
    # median is 8; nearest are 8, 9 and, at 2 like 10, 6.
    once = MultiKrum(f=1, m=5)(updates).selected
    np.testing.assert_array_equal(once, [2, 3, 4, 5, 6])
    values = updates[once, 0]
    near = np.argsort(np.abs(values - np.median(values)), kind="stable")[:3]
    assert values[near].mean() == pytest.approx(23 / 3)


def test_bulyan_agrees_with_its_definition_written_plainly(rng):
    n, f = 11, 2
    updates = rng.normal(size=(n, 5)).astype(np.float32)
    wide = updates.astype(np.float64)
    left, selected = list(range(n)), []
    while len(selected) < n - 2 * f:
        scores = {}
        for i in left:
            squares = sorted(((wide[i] - wide[j]) ** 2).sum() for j in left if j != i)
            scores[i] = sum(squares[: max(1, len(left) - f - 2)])
        winner = min(left, key=lambda i: (scores[i], i))
        selected.append(winner)
        left.remove(winner)
    expected = []
    for values in wide[selected].T:
        middle = np.median(values)
        expected.append(np.mean(sorted(values, key=lambda v: abs(v - middle))[:3]))
    np.testing.assert_allclose(Bulyan(f=f)(updates).vector, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bulyan(f=1)(column(1, 2, 3, 4, 5, 6)), "at least 7 updates, not 6"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
