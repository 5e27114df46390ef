"""NNM, by hand and against its definition."""

import numpy as np
import pytest

from strategies.preaggregators import NNM
from tests.strategies.matrices import LINE, column


def test_nnm_agrees_with_the_values_that_byzfl_documents():
    # Two neighbours, itself among them: (1 + 4) / 2 twice, as row 1 lies as far from 0
    # as from 2 and the lower row counts, and (4 + 7) / 2.
    expected = [[2.5, 3.5, 4.5], [2.5, 3.5, 4.5], [5.5, 6.5, 7.5]]
    np.testing.assert_array_equal(NNM(f=1)(LINE), expected)


def test_nnm_counts_an_update_as_its_own_nearest_among_identical_ones():
    # Three rows of 0 and one of 6; n - f = 2. The 6 keeps itself and takes one 0.
    np.testing.assert_array_equal(NNM(f=2)(column(0, 0, 0, 6)).ravel(), [0, 0, 0, 3])


def test_nnm_with_f_zero_makes_every_row_the_mean():
    np.testing.assert_array_equal(NNM(f=0)(column(1, 2, 6)).ravel(), [3, 3, 3])


def test_nnm_agrees_with_its_definition_written_plainly(rng):
    updates = rng.normal(size=(9, 4)).astype(np.float32)
    expected = [
        np.mean(
            sorted(updates.astype(float), key=lambda x: np.linalg.norm(x - centre))[:6],
            axis=0,
        )
        for centre in updates
    ]
    np.testing.assert_allclose(NNM(f=3)(updates), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NNM(f=-1), "f=-1: must be at least 0"),
        (lambda: NNM(f=3)(LINE), r"NNM\(f=3\) needs at least 4 updates, not 3"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
