"""LIE of the FLANDERS baseline, by hand."""

import numpy as np
import pytest

from fedrobust.byzantine import AttackContext, LIEFlanders


def test_lie_of_the_flanders_baseline_by_hand():
    # n = 4, b = 2: s = 1 and z = Phi(1 / 2) = 0.691462. Of 0, 4, 2, 2 the mean is 2 and
    # the standard deviation sqrt(2), whose root is 1.189207.
    honest, own = np.array([[0], [4]], np.float32), np.full((2, 1), 2, np.float32)
    crafted = LIEFlanders()(honest, 2, AttackContext(own=own))
    np.testing.assert_allclose(crafted, 2 - 0.691462 * 1.189207, rtol=1e-6)
    with pytest.raises(ValueError, match="own"):
        LIEFlanders()(honest, 2)
