"""RLR: the robust learning rate, by hand."""

import numpy as np
import pytest

from strategies.rules import RLR
from tests.strategies.matrices import ALONG_Y, rows


def test_rlr_by_hand():
    # Agreement 3, |+ + -| = 1, |+ 0 +| = 2, |- - +| = 1; the threshold is f + 1 = 2.
    updates = rows((1, 2, 3, -1), (2, 4, 0, -2), (3, -3, 6, 9))
    np.testing.assert_array_equal(RLR(f=1)(updates).vector, [2, -1, 3, -2])


def test_rlr_with_a_higher_threshold_negates_more_coordinates():
    # Agreement 4 and |+ + + -| = 2, of a threshold of 3.
    updates = rows((1, 1), (1, 1), (1, 3), (1, -1))
    np.testing.assert_array_equal(RLR(f=1, threshold=3)(updates).vector, [1, -1])
    np.testing.assert_array_equal(RLR(f=1, threshold=2)(updates).vector, [1, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RLR(f=2, threshold=2), "threshold=2: must be above f=2"),
        (lambda: RLR(f=1, threshold=5)(ALONG_Y), "at least 6 updates, not 5"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
