"""A constant update."""

import numpy as np
import pytest

from fedrobust.byzantine import Constant
from tests.fedrobust.byzantine.updates import rng_of


@pytest.mark.parametrize("value", [0.0, -2.5, float("inf"), float("nan")])
def test_constant_sends_its_value(value):
    sent = Constant(value=value).tamper(np.ones(3, np.float32), rng_of())
    np.testing.assert_array_equal(sent, np.full(3, value, np.float32))
