"""Triggers of backdoors."""

import numpy as np
import pytest

from fedrobust.byzantine import PixelBackdoor


def test_a_trigger_must_fit_and_its_target_exist():
    x, y = np.zeros((4, 3, 3), np.float32), np.zeros(4, np.int32)
    with pytest.raises(ValueError, match="does not fit images of 3 x 3"):
        PixelBackdoor(size=4).poison(x, y, 2)
    with pytest.raises(ValueError, match="target=2: must be below num_classes=2"):
        PixelBackdoor(target=2, size=1).poison(x, y, 2)
    with pytest.raises(ValueError, match=r"x must be \(n, h, w\)"):
        PixelBackdoor().poison(x.reshape(4, 9), y, 2)
