"""The network of the published DP-SGD tables."""

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.models import CnnDpSgd, build_model
from fedrobust.network import Network
from tests.fedrobust.models.recipes import MNIST


def test_its_layers_have_the_shapes_of_the_published_network():
    model = build_model(CnnDpSgd(**MNIST), 0, (28, 28, 1))
    shapes = [layer.output.shape[1:] for layer in model.layers]
    assert shapes == [
        (14, 14, 16), (13, 13, 16), (5, 5, 32), (4, 4, 32), (512,), (32,), (10,),
    ]  # fmt: skip


def test_same_padding_is_three_pixels_on_each_side_of_an_even_image():
    """Opacus pads by 3, TensorFlow Privacy by ``same``: on MNIST one and the same."""
    x = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    convolution = keras.layers.Conv2D(16, 8, 2, padding="same")
    same = convolution(x)
    convolution.padding = "valid"
    padded = convolution(np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)]))
    np.testing.assert_allclose(same, padded, atol=1e-6)


def test_it_starts_as_keras_or_as_pytorch_does():
    torch = Network(build_model(CnnDpSgd(**MNIST, start="torch"), 0, (28, 28, 1)))
    fans = [64, 64, 256, 256, 512, 512, 32, 32]
    for (name, values), fan_in in zip(torch.arrays().items(), fans, strict=True):
        bound = fan_in**-0.5
        assert np.abs(values).max() <= bound, name
        if values.size > 300:  # a uniform draw comes near its bounds
            assert np.abs(values).max() > 0.98 * bound, name
    glorot = Network(build_model(CnnDpSgd(**MNIST), 0, (28, 28, 1))).arrays()
    first, bias, *_ = glorot.values()
    assert not bias.any()
    bound = (6 / (64 + 16 * 64)) ** 0.5
    assert 0.98 * bound < np.abs(first).max() <= bound


@pytest.mark.parametrize(
    ("key", "value"), [("start", "pytorch"), ("input_shape", [12, 28, 1])]
)
def test_what_it_cannot_be_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key}="):
        CnnDpSgd(**{**MNIST, key: value})


def test_the_smallest_image_leaves_one_pixel():
    model = build_model(
        CnnDpSgd(input_shape=[13, 13, 1], num_classes=10, start="torch"), 0, (13, 13, 1)
    )
    assert model.layers[3].output.shape[1:] == (1, 1, 32)
