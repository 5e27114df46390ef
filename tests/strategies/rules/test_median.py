"""The coordinate median."""

import numpy as np

from strategies.rules import Median


def test_median_of_an_even_number_of_values_is_the_mean_of_the_middle_two():
    updates = np.array([[0, 9], [1, 1], [3, 2], [100, 4]], np.float32)
    np.testing.assert_array_equal(Median()(updates).vector, [2, 3])
