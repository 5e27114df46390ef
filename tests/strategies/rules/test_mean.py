"""The mean, plain and weighted by declared examples."""

import numpy as np
import pytest

from strategies.rules import Mean, RuleContext
from tests.strategies.matrices import column


def test_mean_of_three_is_their_average():
    assert Mean()(column(1, 2, 6)).vector == 3


def test_weighted_mean_uses_num_examples():
    context = RuleContext(num_examples=np.array([1, 3]))
    aggregate = Mean(weighted=True)(column(0, 4), context=context)
    assert aggregate.vector == 3
    np.testing.assert_array_equal(aggregate.weights, [0.25, 0.75])


def test_weighted_mean_without_num_examples_names_what_is_missing():
    with pytest.raises(ValueError, match="num_examples"):
        Mean(weighted=True)(column(0, 4))
