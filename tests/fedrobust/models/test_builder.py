"""What every recipe of a model has."""

import numpy as np

from fedrobust.models import MLP, build_model


def test_standardising_is_the_first_layer():
    recipe = MLP(
        input_shape=[2, 2, 3], num_classes=2, hidden=[], mean=[0.1, 0.2, 0.3],
        std=[0.5, 0.25, 1.0],
    )  # fmt: skip
    model = build_model(recipe, 0, (2, 2, 3))
    scaled = np.asarray(model.layers[0](np.full((1, 2, 2, 3), 0.6, np.float32)))
    np.testing.assert_allclose(scaled[0, 0, 0], [1.0, 1.6, 0.3], rtol=1e-5)
