"""The trimmed mean, by hand and against SciPy."""

import numpy as np
import pytest
from scipy.stats import trim_mean

from strategies.rules import TrimmedMean
from tests.strategies.matrices import column


def test_trimmed_mean_drops_f_on_each_side():
    # 1000 goes, and so does 0: a fraction of 0.2 would have trimmed none of these four.
    assert TrimmedMean(f=1)(column(0, 1, 2, 1000)).vector == 1.5


def test_trimmed_mean_agrees_with_scipy(rng):
    updates = rng.normal(size=(10, 50)).astype(np.float32)
    expected = trim_mean(updates.astype(np.float64), 0.2, axis=0)
    np.testing.assert_allclose(TrimmedMean(f=2)(updates).vector, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrimmedMean(f=2)(column(1, 2, 3, 4)), "at least 5 updates, not 4"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
