"""Inflated counts of examples."""

import numpy as np

from fedrobust.byzantine import ExamplesInflation, SignFlip
from tests.fedrobust.byzantine.updates import rng_of


def test_inflation_flips_and_declares_more_examples():
    attack = ExamplesInflation(num_examples=99, scale=2.0)
    sent = attack.tamper(np.array([1, -2], np.float32), rng_of())
    np.testing.assert_array_equal(sent, [-2, 4])
    assert attack.declare(10) == 99
    assert ExamplesInflation().declare(10) == 10_000_000
    assert SignFlip().declare(10) == 10
