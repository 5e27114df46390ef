"""Clipping, by hand."""

import numpy as np
import pytest

from strategies.preaggregators import Clipping
from tests.strategies.matrices import LINE


def test_clipping_agrees_with_the_values_that_byzfl_documents():
    expected = [
        [0.53452248, 1.06904497, 1.60356745],
        [0.91168461, 1.13960576, 1.36752692],
        [1.00514142, 1.14873305, 1.29232469],
    ]
    found = Clipping(c=2.0)(LINE)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 2, rtol=1e-6)


def test_clipping_leaves_the_bits_of_a_row_that_is_short_enough():
    # Length 5 is not above 5.
    updates = np.array([[3, 4], [0.1, 0.2], [0, 0], [6, 8]], np.float32)
    found = Clipping(c=5.0)(updates)
    np.testing.assert_array_equal(found[:3], updates[:3])
    np.testing.assert_allclose(found[3], [3, 4])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Clipping(c=0.0), "c=0.0: must be above 0"),
        (lambda: Clipping(c=float("inf")), "c=inf: must be a finite number"),
        (lambda: Clipping()(np.zeros(3, np.float32)), r"must be \(n, d\)"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
