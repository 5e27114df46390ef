"""Small trained things that several tests look at."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.data import Digits, Split
from fedrobust.models import MLP, build_model
from fedrobust.network import network_of
from fedrobust.training import LocalTraining, Standard, Trainer


@dataclass(frozen=True)
class Trained:
    """A Keras model that learned the digits, and the digits."""

    model: Any
    data: Split


@pytest.fixture(scope="session")
def digits() -> Split:
    return Digits().load()


@pytest.fixture(scope="session")
def trained(digits: Split) -> Trained:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    model = build_model(recipe, 0, (8, 8, 1))
    network = network_of(model)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.2))
    result, _ = trainer.train(
        network.arrays(),
        digits.x_train,
        digits.y_train,
        LocalTraining(local_epochs=8),
        seed=0,
        round=1,
        client=0,
    )
    network.assign(result.arrays)
    return Trained(model, digits)


@pytest.fixture(scope="session")
def linear() -> Any:
    """Two logits, (w.x, -w.x), of an input of 4 values."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    w = np.array([1.0, -2.0, 0.5, -0.25], np.float32)
    model.layers[0].set_weights([np.stack([w, -w], axis=1), np.zeros(2, np.float32)])
    return model
