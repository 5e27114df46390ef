"""Dropout masks as a published simulator draws them."""

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.training import BucketingSimulator, LocalTraining, Standard, Trainer


def simulated(masks: str, **local: int) -> LocalTraining:
    """Local training with its own dropout masks, or as a published simulator has it."""

    if masks == "own":
        return LocalTraining(**local)

    class Simulated(LocalTraining):
        simulated_by = BucketingSimulator(dropout_masks=masks)

    return Simulated(**local)


@pytest.mark.parametrize(
    ("masks", "as_another_client", "as_another_round"),
    [
        ("own", False, False),
        ("client", False, False),
        ("shared", True, False),
        ("constant", True, True),
    ],
)
def test_dropout_masks_are_shared_as_configured(
    digits, masks, as_another_client, as_another_round
):
    """All images are one, so that the order of the batches does not count."""
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16], dropout=0.5)
    network = Network(build_model(recipe, 0, (8, 8, 1)))
    x, y = np.repeat(digits.x_train[:1], 8, axis=0), np.repeat(digits.y_train[:1], 8)
    local = simulated(masks, local_steps=2, batch_size=4)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.1))

    def weights(round, client):
        key = {"seed": 0, "round": round, "client": client}
        alone, _ = trainer.train(network.arrays(), x, y, local, **key)
        return np.concatenate([v.ravel() for v in alone.arrays.values()])

    start = weights(1, 3)
    assert np.array_equal(weights(1, 5), start) == as_another_client
    assert np.array_equal(weights(2, 3), start) == as_another_round
    together = trainer.train_together(
        network.arrays(), {3: (x, y), 5: (x, y)}, local, seed=0, round=1
    )
    one, other = (together[client].arrays for client in (3, 5))
    assert all(np.array_equal(one[n], other[n]) for n in one) == as_another_client


@pytest.mark.parametrize(("masks", "alike"), [("own", False), ("client", True)])
def test_two_layers_of_equal_size_draw_different_masks(digits, masks, alike):
    """A unit learns where both let it through: half of them, or, drawn apart, 1/4."""
    keras_layers = [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Flatten(),
        *(keras.layers.Dropout(0.5) for _ in range(2)),
        keras.layers.Dense(10, kernel_initializer="zeros"),
    ]
    network = Network(keras.Sequential(keras_layers))
    local = simulated(masks, local_steps=1, batch_size=1)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(1.0))
    x, y = np.ones((1, 8, 8, 1), np.float32), np.zeros(1, np.int32)
    key = {"seed": 0, "round": 1, "client": 0}
    trained, _ = trainer.train(network.arrays(), x, y, local, **key)
    kernel = next(v for v in trained.arrays.values() if v.shape == (64, 10))
    share = (kernel[:, 0] != 0).mean()
    assert (share > 0.375) == alike


def test_unknown_dropout_masks_are_refused():
    with pytest.raises(ValueError, match="dropout_masks='each': must be 'client'"):
        BucketingSimulator(dropout_masks="each")
