"""The majority of signs, by hand."""

import numpy as np
import pytest

from strategies.rules import SignMajority
from tests.strategies.matrices import rows


def test_sign_majority_by_hand():
    # Votes +1 +1 -1 = 1;  -1 -1 0 = -2;  +1 0 -1 = 0: a tie makes no step.
    updates = rows((0.1, -3, 5), (2, -1e-6, 0), (-900, 0, -1))
    expected = np.array([0.25, -0.25, 0], np.float32)
    np.testing.assert_array_equal(SignMajority(step=0.25)(updates).vector, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SignMajority(step=-1.0), "step=-1.0: must be above 0"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
