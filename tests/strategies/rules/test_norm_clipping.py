"""Norm clipping and its noise."""

import numpy as np
import pytest

from strategies.rules import NormClipping, RuleContext
from tests.strategies.matrices import rows


def test_norm_clipping_by_hand():
    # Lengths 5, 10, 0: the second is halved. (3 + 3 + 0) / 3 and (4 + 4 + 0) / 3.
    found = NormClipping(max_norm=5.0)(rows((3, 4), (6, 8), (0, 0)))
    np.testing.assert_allclose(found.vector, [2, 8 / 3], rtol=1e-6)
    np.testing.assert_allclose(found.weights, [0.4, 0.2, 0.4])
    assert found.diagnostics == {"clipped": 1}


def test_the_noise_of_norm_clipping_is_keyed_and_of_its_size():
    updates, rule = np.zeros((2, 20_000), np.float32), NormClipping(noise=0.5)
    keys = [(0, 1), (0, 2), (1, 1)]
    draws = [
        rule(updates, context=RuleContext(seed=seed, round=round)).vector
        for seed, round in keys
    ]
    again = rule(updates, context=RuleContext(seed=0, round=1)).vector
    np.testing.assert_array_equal(draws[0], again)
    # A correlation of 20,000 independent draws is about 1 / sqrt(20,000) = 0.007.
    assert (np.abs(np.corrcoef(draws)[~np.eye(3, dtype=bool)]) < 0.04).all()
    # Their standard deviation is known to 0.5 / sqrt(40,000) = 0.0025.
    np.testing.assert_allclose(np.std(draws, axis=1), 0.5, atol=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NormClipping(max_norm=float("nan")), "max_norm=nan"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
