"""The pixel backdoor: what it stamps, and its victims."""

import numpy as np

from fedrobust.byzantine import PixelBackdoor
from tests.fedrobust.byzantine.updates import rng_of


def test_pixel_backdoor_stamps_the_lower_right_corner_of_a_share():
    x, y = np.zeros((10, 4, 5, 2), np.float32), np.full(10, 3, np.int32)
    attack = PixelBackdoor(target=1, share=0.3, size=2, value=0.5)
    poisoned, labels = attack.poison(x, y, 10, rng_of(1))
    rows = np.flatnonzero(labels == 1)
    assert len(rows) == 3
    expected = np.zeros((4, 5, 2))
    expected[2:, 3:] = 0.5
    for i in range(10):
        np.testing.assert_array_equal(poisoned[i], expected if i in rows else 0)
    _, others = attack.poison(x, y, 10, rng_of(2))
    assert (labels != others).any()


def test_a_backdoor_poisons_at_least_one_image_of_any():
    x, y = np.zeros((4, 3, 3), np.float32), np.ones(4, np.int32)
    _, labels = PixelBackdoor(share=0.01).poison(x, y, 2)
    assert (labels == 0).sum() == 1
    empty, none = PixelBackdoor().poison(x[:0], y[:0], 2)
    assert empty.shape == (0, 3, 3)
    assert none.shape == (0,)


def test_victims_carry_the_trigger_and_are_never_of_the_target():
    x, y = np.zeros((4, 3, 3), np.float32), np.array([0, 1, 2, 1], np.int32)
    images, rows = PixelBackdoor(target=1, size=1).victims(x, y, 3)
    np.testing.assert_array_equal(rows, [0, 2])
    np.testing.assert_array_equal(images[:, 2, 2], 1)
    assert images.sum() == 2
