"""IPM, by hand."""

import numpy as np

from fedrobust.byzantine import IPM
from tests.fedrobust.byzantine.updates import HONEST


def test_ipm_is_minus_epsilon_times_the_mean():
    np.testing.assert_allclose(IPM(epsilon=0.5)(HONEST, 1), [[-1.5, -1]])


def test_both_parametrisations_of_ipm():
    # mean + 1.1 (-mean) = -0.1 mean: "empire" with 1.1 is the paper's epsilon 0.1.
    np.testing.assert_allclose(IPM(factor=1.1)(HONEST, 1), [[-0.3, -0.2]], rtol=1e-6)
    np.testing.assert_allclose(
        IPM(factor=1.1)(HONEST, 1), IPM(epsilon=0.1)(HONEST, 1), rtol=1e-6
    )
