"""A model as a pure function of its arrays."""

import numpy as np

from fedrobust.backend import keras
from fedrobust.network import Network


def test_a_network_joins_what_it_splits():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )
    network = Network(model)
    assert [n.rpartition("/")[2] for n in network.statistics] == [
        "moving_mean",
        "moving_variance",
    ]
    assert not any("seed" in name for name in network.arrays())
    arrays = {k: v + 1 for k, v in network.arrays().items()}
    trainable, fixed = network.split(arrays, seed=(5, 6))
    assert len(trainable) == 6
    assert any(np.array_equal(value, [5, 6]) for value in fixed)
    joined = network.join(trainable, fixed)
    assert list(joined) == list(arrays)
    network.assign(joined)
    for name, value in network.arrays().items():
        np.testing.assert_array_equal(value, arrays[name])
