"""The network of the bucketing paper."""

import numpy as np

from fedrobust.models import CnnBucketing, build_model
from fedrobust.network import Network
from tests.fedrobust.models.recipes import MNIST


def test_the_bucketing_network_starts_as_pytorch_does():
    arrays = Network(build_model(CnnBucketing(**MNIST), 0, (28, 28, 1))).arrays()
    fans = [9, 9, 9 * 32, 9 * 32, 9216, 9216, 128, 128]
    for (name, values), fan_in in zip(arrays.items(), fans, strict=True):
        bound = fan_in**-0.5
        assert np.abs(values).max() <= bound, name
        if values.size > 1000:  # a uniform draw comes near its bounds
            assert np.abs(values).max() > 0.99 * bound, name
            np.testing.assert_allclose(values.std(), bound / 3**0.5, rtol=0.05)
