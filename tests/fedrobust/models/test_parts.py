"""Normalisation of the models by name."""

import numpy as np
import pytest

from fedrobust.models import CNN, MLP, build_model
from fedrobust.network import Network

RECIPES = {
    "cnn": lambda norm: CNN(
        input_shape=[8, 8, 1], num_classes=3, filters=[12, 5], units=4, norm=norm
    ),
    "mlp": lambda norm: MLP(
        input_shape=[8, 8, 1], num_classes=3, hidden=[12, 5], norm=norm
    ),
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("norm", "groups"), [("group", [4, 1]), ("layer", [1, 1])], ids=str
)
def test_groups_divide_the_channels_and_examples_stay_apart(name, norm, groups):
    model = build_model(RECIPES[name](norm), 0, (8, 8, 1))
    normed = [layer.groups for layer in model.layers if hasattr(layer, "groups")
              and "norm" in layer.name]  # fmt: skip
    assert normed == groups
    assert Network(model).statistics == []
    x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype(np.float32)
    together = model(x, training=True).numpy()
    alone = model(x[:1], training=True).numpy()
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)
    others = model(np.concatenate([x[:1], 5 * x[1:]]), training=True).numpy()
    np.testing.assert_allclose(others[:1], alone, atol=1e-5)
