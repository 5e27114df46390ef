"""Random noise, the control of attacks."""

import numpy as np
import pytest

from fedrobust.attacks.base import distances
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.network.inference import predict
from fedrobust.network.network import network_of
from tests.fedrobust.evaluation.masked import masked


def accuracy(model, x, y):
    network = network_of(model)
    return (predict(network, network.arrays(), x) == y).mean()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.2), ("l2", 1.0)])
def test_noise_is_weaker_than_pgd(trained, norm, epsilon):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    noise = RandomNoise(epsilon=epsilon, norm=norm)(trained.model, x, y)
    pgd = PGD(epsilon=epsilon, norm=norm, steps=10)(trained.model, x, y)
    assert 0 < distances(noise, x, norm).max() <= epsilon
    assert accuracy(trained.model, noise, y) > accuracy(trained.model, pgd, y) + 0.2


def test_more_draws_break_no_fewer(trained):
    x, y = trained.data.x_test[:100], trained.data.y_test[:100]
    one, many = (
        accuracy(trained.model, RandomNoise(restarts=n)(trained.model, x, y), y)
        for n in (1, 10)
    )
    assert many <= one
    assert RandomNoise(restarts=10).passes(10) == 10
    with pytest.raises(ValueError, match="restarts"):
        RandomNoise(restarts=0)


def test_noise_fills_the_ball(trained):
    x = np.full((128, 8, 8, 1), 0.5, np.float32)
    noise = RandomNoise(epsilon=0.2)(trained.model, x, np.zeros(128, np.int64)) - 0.5
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


def test_random_noise_is_not_where_pgd_starts(trained):
    x, y = trained.data.x_test[:8], trained.data.y_test[:8]
    model = masked(trained.model, "quantised")
    with pytest.warns(UserWarning, match="cannot cross"):
        start = PGD(epsilon=0.1, steps=1, step_size=1e-9)
    still = start(model, x, y)
    assert np.abs(RandomNoise(epsilon=0.1)(model, x, y) - still).max() > 0.05
