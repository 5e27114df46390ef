"""Flipped signs, of one's own update and of the mean, by hand."""

import numpy as np

from fedrobust.byzantine import Gaussian, MeanSignFlip, SignFlip
from tests.fedrobust.byzantine.updates import HONEST


def test_mean_sign_flip_is_minus_scale_times_the_mean():
    np.testing.assert_array_equal(MeanSignFlip(scale=2)(HONEST, 2), [[-6, -4]] * 2)


def test_sign_flip_and_gaussian_by_hand():
    update = np.array([1, -2], np.float32)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(SignFlip(scale=3).tamper(update, rng), [-3, 6])
    draw = np.random.default_rng(5).normal(1, 2, 2).astype(np.float32)
    noise = Gaussian(mean=1, std=2)
    np.testing.assert_array_equal(noise.tamper(update, np.random.default_rng(5)), draw)
    added = Gaussian(mean=1, std=2, mode="add")
    np.testing.assert_array_equal(
        added.tamper(update, np.random.default_rng(5)), update + draw
    )
