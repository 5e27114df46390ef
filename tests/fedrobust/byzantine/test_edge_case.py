"""The edge-case backdoor."""

import numpy as np
import pytest

from fedrobust.byzantine import EdgeCase


def test_edge_cases_are_the_images_of_the_source_furthest_from_their_mean():
    # Class 7 has values 0, 0, 0, 1, .1 (mean .22): the 1 is furthest, then the zeros.
    values = np.array([0, 1, 0, 0, 1, 0.1, 0.9], np.float32)
    x = np.tile(values[:, None, None], (1, 2, 2))
    y = np.array([7, 2, 7, 7, 7, 7, 1], np.int32)
    attack = EdgeCase(source=7, target=1, tail=0.2)
    poisoned, labels = attack.poison(x, y, 10)
    np.testing.assert_array_equal(poisoned, x)
    np.testing.assert_array_equal(labels, [7, 2, 7, 7, 1, 7, 1])
    images, rows = EdgeCase(source=7, target=1, tail=0.4).victims(x, y, 10)
    np.testing.assert_array_equal(rows, [0, 4])
    np.testing.assert_array_equal(images, x[[0, 4]])


def test_edge_cases_of_a_client_without_the_source_class_and_of_a_share():
    x, y = np.zeros((4, 2, 2), np.float32), np.zeros(4, np.int32)
    np.testing.assert_array_equal(EdgeCase().poison(x, y, 10)[1], y)
    assert len(EdgeCase().victims(x, y, 10)[1]) == 0
    _, labels = EdgeCase(source=0, tail=1.0, share=0.5).poison(x, y, 10)
    assert (labels == 1).sum() == 2
    with pytest.raises(ValueError, match="source=7: must be below num_classes=5"):
        EdgeCase().poison(x, y, 5)
