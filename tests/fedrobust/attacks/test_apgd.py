"""APGD: where it ends, and when it judges its step."""

import numpy as np

from fedrobust.attacks import APGD
from fedrobust.attacks.apgd import checkpoints
from tests.fedrobust.attacks.linear import W, inside


def test_apgd_ends_in_the_corner_of_what_it_cannot_break(linear, rng):
    x, y = inside(rng)
    stands = np.abs(x @ W) > 0.1 * np.abs(W).sum() + 0.01
    assert stands.sum() > 3
    x, y = x[stands], y[stands]
    direction = np.where(y == 0, -1.0, 1.0)[:, None] * np.sign(W)
    x_adv = APGD(epsilon=0.1)(linear, x, y)
    np.testing.assert_allclose(x_adv, x + 0.1 * direction, atol=1e-6)


def test_apgd_judges_its_step_where_the_paper_does():
    ends, lengths = checkpoints(100)
    assert (np.flatnonzero(ends) + 1).tolist() == [22, 41, 57, 70, 80, 87, 93, 99]
    assert lengths[ends].tolist() == [22, 19, 16, 13, 10, 7, 6, 6]
