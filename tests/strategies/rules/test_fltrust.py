"""FLTrust and its root update, by hand."""

import numpy as np
import pytest

from strategies.rules import FLTrust, RuleContext
from tests.strategies.matrices import rows


def trusting(root, *updates):
    return FLTrust()(rows(*updates), None, RuleContext(root_update=rows(root)[0]))


def test_fltrust_by_hand():
    # Cosines to (0, 2): 1, 4 / 5, -1 and 0. At length 2 the first two are (0, 2) and
    # (1.2, 1.6): ((0, 2) + 0.8 (1.2, 1.6)) / 1.8.
    found = trusting((0, 2), (0, 4), (3, 4), (0, -1), (7, 0))
    np.testing.assert_allclose(found.vector, [0.96 / 1.8, 3.28 / 1.8], rtol=1e-6)
    np.testing.assert_allclose(found.diagnostics["trust"], [1, 0.8, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.weights, [1 / 1.8, 0.8 / 1.8, 0, 0], atol=1e-12)


@pytest.mark.parametrize("updates", [[(0, -1), (1, 0)], [(0, 0)]])
def test_fltrust_without_a_trusted_update_returns_zero(updates):
    found = trusting((0, 2), *updates)
    np.testing.assert_array_equal(found.vector, [0, 0])
    assert found.weights is None


def test_fltrust_with_a_zero_root_update_returns_zero():
    np.testing.assert_array_equal(trusting((0, 0), (1, 2)).vector, [0, 0])


def test_fltrust_refuses_a_root_update_of_another_width():
    with pytest.raises(ValueError, match="root_update must be"):
        trusting((0, 2, 1), (0, 4))
