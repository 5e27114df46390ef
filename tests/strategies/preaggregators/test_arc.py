"""ARC, by hand."""

import numpy as np
import pytest

from strategies.preaggregators import ARC
from tests.strategies.matrices import LINE, column


def test_arc_agrees_with_the_values_that_byzfl_documents():
    # k = floor(2 * 1 / 3 * 2) = 1: the longest is clipped to the next, sqrt 77.
    found = ARC(f=1)(LINE)
    np.testing.assert_array_equal(found[:2], LINE[:2])
    expected = [4.41004009, 5.04004582, 5.67005155]
    np.testing.assert_allclose(found[2], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("n", "f", "expected"),
    [
        (3, 1, [1, 2, 2]),  # k = floor(4 / 3) = 1
        (4, 1, [1, 2, 3, 3]),  # k = floor(6 / 4) = 1
        (5, 2, [1, 2, 3, 3, 3]),  # k = floor(12 / 5) = 2
        (7, 3, [1, 2, 3, 4, 4, 4, 4]),  # k = floor(24 / 7) = 3
        (7, 0, [1, 2, 3, 4, 5, 6, 7]),  # k = 0: nothing is clipped
    ],
)
def test_arc_clips_the_k_longest_to_the_next(n, f, expected):
    updates = column(*range(1, n + 1))
    np.testing.assert_allclose(ARC(f=f)(updates).ravel(), expected, rtol=1e-6)
    signed = updates * (-1) ** np.arange(n, dtype=np.float32)[:, None]
    np.testing.assert_allclose(np.abs(ARC(f=f)(signed)).ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ARC(f=-1), "f=-1: must be at least 0"),
        (lambda: ARC(f=2)(LINE), r"ARC\(f=2\) needs at least 5 updates, not 3"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
