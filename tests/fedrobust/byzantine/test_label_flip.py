"""Flipped labels."""

import numpy as np
import pytest

from fedrobust.byzantine import LabelFlip


def test_label_flip_turns_the_classes_around():
    x, y = LabelFlip().poison(np.ones((3, 1)), np.array([0, 1, 9]), 10)
    np.testing.assert_array_equal(y, [9, 8, 0])
    np.testing.assert_array_equal(x, 1)


def test_label_flip_of_one_class_leaves_the_others():
    labels = np.array([1, 0, 7, 1], np.int32)
    flip = LabelFlip(source=1, target=7)
    np.testing.assert_array_equal(
        flip.poison(np.ones((4, 1), np.float32), labels, 10)[1], [7, 0, 7, 7]
    )
    with pytest.raises(ValueError, match="target=7: must be below num_classes=5"):
        flip.poison(np.ones((4, 1), np.float32), labels, 5)
    with pytest.raises(ValueError, match="target=None"):
        LabelFlip(source=1)
    with pytest.raises(ValueError, match="source=None"):
        LabelFlip(target=1)
    with pytest.raises(ValueError, match="another class than source"):
        LabelFlip(source=1, target=1)
