"""The multilayer perceptron."""

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.models import MLP, FlandersMLP, build_model
from fedrobust.network import Network
from tests.fedrobust.models.recipes import MNIST


def test_an_mlp_starts_as_pytorch_does_and_drops_out_units():
    recipe = FlandersMLP(**MNIST, hidden=[200, 50], dropout=0.25)
    model = build_model(recipe, 0, (28, 28, 1))
    arrays = Network(model).arrays()
    fans = [784, 784, 200, 200, 50, 50]
    for (name, values), fan_in in zip(arrays.items(), fans, strict=True):
        bound = fan_in**-0.5
        assert np.abs(values).max() <= bound, name
        assert np.abs(values).max() > 0.9 * bound or values.size < 50, name
    dropped = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert [layer.rate for layer in dropped] == [0.25, 0.25]
    with pytest.raises(ValueError, match=r"dropout=1\.0: must be in"):
        MLP(**MNIST, hidden=[3], dropout=1.0)
