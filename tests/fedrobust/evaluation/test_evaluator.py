"""Clean and robust accuracy, counted by hand."""

import numpy as np
import pytest

from fedrobust.attacks import FGSM
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.network import network_of


def test_robust_accuracy_never_exceeds_clean_and_counts_by_hand(linear):
    # Margins 2 w.x of 0.2, 0.6 and -0.4 (a mistake); w has L1 norm 3.75.
    x = np.array([[0.1, 0, 0, 0], [0.3, 0, 0, 0], [0, 0.1, 0, 0]], np.float32)
    network = network_of(linear)
    evaluator = Evaluator(
        network, x, np.zeros(3, np.int32), {"fgsm": FGSM()}, [0.0, 0.02, 0.05, 0.2]
    )
    scores = evaluator(network.arrays())
    # Values at 0 cannot fall: only +w directions and the first value move.
    # The margin of example i falls by epsilon (1 [the first value] + 2 + 0.25).
    assert scores.clean == pytest.approx(2 / 3)
    assert scores.robust["fgsm"] == pytest.approx(
        {"0.0": 2 / 3, "0.02": 2 / 3, "0.05": 1 / 3, "0.2": 0}
    )
    assert scores.worst == scores.robust["fgsm"]
