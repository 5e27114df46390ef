"""Losses of attacks, by hand."""

import numpy as np
import pytest

from fedrobust.attacks.losses import dlr, targeted_dlr


def test_dlr_by_hand():
    logits = np.array([[3.0, 1.0, 2.0, 0.0]], np.float32)
    # The label 0 leads by 1; from the first to the third are 2.
    assert float(dlr(np.array([0]), logits)[0]) == pytest.approx(-0.5)
    # Towards 2: -(3 - 2) / (3 - (1 + 0) / 2).
    towards = targeted_dlr(np.array([0]), np.array([2]), logits)
    assert float(towards[0]) == pytest.approx(-0.4)
    shifted = 10 * logits + 5
    assert float(dlr(np.array([0]), shifted)[0]) == pytest.approx(-0.5)
