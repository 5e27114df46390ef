"""DBFAT: weights by the distance to the boundary, and the global model."""

import numpy as np

from fedrobust.backend import tf
from fedrobust.training import DBFAT, LocalTraining, PGDTraining
from tests.fedrobust.training.objectives import Logits, mlp, train


def test_dbfat_weighs_what_is_near_the_boundary_and_holds_to_the_global_model():
    z = np.log(np.array([[0.8, 0.2], [0.4, 0.6]], np.float32))
    y = np.array([0, 0])
    held = np.log(np.array([[0.5, 0.5], [0.4, 0.6]], np.float32))
    model = Logits(received=lambda x: tf.constant(held))
    ce = -np.log([0.8, 0.4])
    # Margins 0.6 and -0.2; KL of (1/2, 1/2) to (0.8, 0.2), and of itself.
    weights = np.exp([-0.6, 0.2])
    kl = np.array([0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2), 0])
    for alpha, beta, expected in [
        (0, 0, ce),
        (1, 0, weights / weights.mean() * ce),
        (0, 2, ce + 2 * kl),
    ]:
        loss = DBFAT(alpha=alpha, beta=beta).loss(model, z, z, y)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_without_weights_and_regularisation_dbfat_is_pgd_training(digits):
    plain = {"epsilon": 0.1, "steps": 2}
    one = train(mlp(), DBFAT(alpha=0, beta=0, **plain), digits).arrays
    for name, value in train(mlp(), PGDTraining(**plain), digits).arrays.items():
        np.testing.assert_allclose(one[name], value, atol=1e-6)


def test_the_global_model_stays_what_was_received_while_the_client_trains(digits):
    local = LocalTraining(local_epochs=20, batch_size=16)
    network, moved = mlp(), {}
    for beta in (0, 10):
        objective = DBFAT(alpha=0, beta=beta, epsilon=0.1, steps=2)
        result = train(network, objective, digits, 0.05, local)
        start = network.arrays()
        moved[beta] = sum(
            float(((result.arrays[n] - start[n]) ** 2).sum()) for n in start
        )
    assert moved[10] < 0.5 * moved[0]
