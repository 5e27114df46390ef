"""Centered clipping over rounds, by hand."""

import numpy as np
import pytest

from strategies.rules import CenteredClipping
from tests.strategies.matrices import column, rows


def test_centered_clipping_by_hand_over_two_rounds():
    # v = 0: clipped to 1 they are 0, 1, 1, so v = 2/3. Around it they are -2/3, 1, 1,
    # so v = 2/3 + 4/9 = 10/9.
    rule, updates = CenteredClipping(tau=1.0, iterations=1), column(0, 2, 10)
    first = rule(updates)
    assert first.vector == pytest.approx(2 / 3)
    # Factors 1, 1/2, 1/10 of 8/5.
    np.testing.assert_allclose(first.weights, [10 / 16, 5 / 16, 1 / 16])
    assert first.diagnostics == {"clipped": 2}
    assert rule(updates, first.state).vector == pytest.approx(10 / 9)
    assert rule(updates).vector == pytest.approx(2 / 3), "the rule itself has no memory"
    twice = CenteredClipping(tau=1.0, iterations=2)(updates)
    assert twice.vector == pytest.approx(10 / 9)


def test_centered_clipping_clips_lengths_not_coordinates():
    # Around (1, 0) the only update is (3, 4), of length 5: half of it is left.
    rule = CenteredClipping(tau=2.5, iterations=1)
    found = rule(rows((4, 4)), np.array([1.0, 0.0]))
    np.testing.assert_allclose(found.vector, [2.5, 2])


def test_centered_clipping_with_a_large_radius_is_the_mean():
    found = CenteredClipping(tau=100.0, iterations=1)(column(1, 2, 6))
    assert found.vector == 3
    assert found.diagnostics == {"clipped": 0}


def test_centered_clipping_refuses_a_state_of_another_width():
    with pytest.raises(ValueError, match=r"state must be \(1,\), not \(2,\)"):
        CenteredClipping()(column(1, 2), np.zeros(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CenteredClipping(tau=0.0), "tau=0.0: must be above 0"),
    ],
)
def test_undefined_cases_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
