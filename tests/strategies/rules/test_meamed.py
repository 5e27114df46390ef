"""MeaMed and Phocas: the mean of the values nearest to a centre, by hand."""

import numpy as np
import pytest

from strategies.rules import MeaMed, Phocas, TrimmedMean
from tests.strategies.matrices import column


def test_meamed_and_phocas_by_hand_on_one_input():
    updates = column(0, 1, 6, 8, 11)
    # Median 6: 0 lies 6 away and 11 lies 5, so 0 goes: (1 + 6 + 8 + 11) / 4.
    assert MeaMed(f=1)(updates).vector == 6.5
    # Trimmed mean (1 + 6 + 8) / 3 = 5: 0 lies 5 away and 11 lies 6, so 11 goes:
    # (0 + 1 + 6 + 8) / 4.
    assert Phocas(f=1)(updates).vector == 3.75
    assert TrimmedMean(f=1)(updates).vector == 5


def test_meamed_and_phocas_choose_in_each_coordinate_alone():
    # Second column: the first one upside down, so what is dropped is another row.
    values = np.array([0, 1, 6, 8, 11], np.float32)
    updates = np.stack([values, -values], axis=1)
    np.testing.assert_array_equal(MeaMed(f=1)(updates).vector, [6.5, -6.5])
    np.testing.assert_array_equal(Phocas(f=1)(updates).vector, [3.75, -3.75])


def test_meamed_of_an_even_number_measures_from_the_mean_of_the_middle():
    # Median (1 + 4) / 2 = 2.5: distances 2.5, 1.5, 1.5, 3.5 drop the 6.
    assert MeaMed(f=1)(column(0, 1, 4, 6)).vector == pytest.approx(5 / 3)


def test_among_equally_near_values_the_lowest_row_wins():
    # Median 2: 0 and 4 lie equally far; row 0 is kept, whichever value it holds.
    assert MeaMed(f=1)(column(0, 2, 4)).vector == 1
    assert MeaMed(f=1)(column(4, 2, 0)).vector == 3
