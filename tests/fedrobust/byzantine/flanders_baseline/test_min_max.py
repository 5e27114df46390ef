"""Min-Max of the FLANDERS baseline, by hand."""

import numpy as np
import pytest

from fedrobust.byzantine import AttackContext, MinMaxFlanders


@pytest.mark.parametrize(
    ("num_own", "expected"),
    [
        # std = sqrt(8 / 4): even 2.5 of them go 5.5 from the honest 4, which may be 4.
        (2, 2 - 6 * 2**0.5),
        # std = sqrt(8 / 22): 2 + gamma std = 4 at gamma = sqrt(11), within the search.
        (20, 0.0),
    ],
)
def test_min_max_of_the_flanders_baseline_by_hand(num_own, expected):
    honest = np.array([[0], [4]], np.float32)
    own = np.full((num_own, 1), 2, np.float32)
    crafted = MinMaxFlanders()(honest, num_own, AttackContext(own=own))
    np.testing.assert_allclose(crafted, expected, atol=1e-4)
