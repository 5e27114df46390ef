"""CGE, by hand."""

import numpy as np

from strategies.rules import CGE
from tests.strategies.matrices import rows


def test_cge_drops_the_longest_by_hand():
    # Lengths 5, 1, 13, 2: the two longest go.
    updates = rows((3, 4), (0, 1), (5, 12), (-2, 0))
    found = CGE(f=1)(updates)
    np.testing.assert_array_equal(found.diagnostics["scores"], [5, 1, 13, 2])
    np.testing.assert_array_equal(found.selected, [0, 1, 3])
    np.testing.assert_allclose(found.vector, [1 / 3, 5 / 3])
