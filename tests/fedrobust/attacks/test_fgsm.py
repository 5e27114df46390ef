"""FGSM on a linear model, by hand."""

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD
from tests.fedrobust.attacks.linear import W


@pytest.mark.parametrize(
    "attack",
    [FGSM(epsilon=0.1), PGD(epsilon=0.1, steps=10)],
    ids=repr,
)
def test_a_linear_model_is_attacked_to_the_corner(linear, attack, rng):
    x = rng.uniform(0.3, 0.7, size=(50, 4)).astype(np.float32)
    y = rng.integers(0, 2, size=50)
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * np.sign(W)
    x_adv = attack(linear, x, y)
    np.testing.assert_allclose(x_adv, x + 0.1 * direction, atol=1e-6)


def test_the_box_clips_what_the_ball_allows(linear):
    x = np.array([[0.0, 1.0, 0.95, 0.5]], np.float32)
    x_adv = FGSM(epsilon=0.2)(linear, x, np.array([1]))  # climbs along +w
    np.testing.assert_allclose(x_adv, [[0.2, 0.8, 1.0, 0.3]], atol=1e-6)
