"""Fang's attack on Krum, by hand and against Krum."""

import numpy as np
import pytest

from fedrobust.byzantine import FangKrum
from strategies.rules import Krum
from tests.fedrobust.byzantine.updates import normal


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("h", "b"), [(12, 3), (8, 2), (7, 4)])
def test_krum_selects_what_fang_krum_sends(seed, h, b):
    # Where the honest mean is far off, even no change at all is too far from it.
    honest = np.random.default_rng(seed).normal(size=(h, 30)).astype(np.float32)
    crafted = FangKrum()(honest, b)
    sign = np.sign(honest.mean(axis=0))
    size = -crafted[0, 0] * sign[0]
    assert size > 1e-5
    np.testing.assert_array_equal(crafted, np.tile(-size * sign, (b, 1)))
    for rows, first in (([crafted, honest], 0), ([honest, crafted], h)):
        (selected,) = Krum(f=b)(np.concatenate(rows)).selected
        assert first <= selected < first + b


def test_fang_krum_by_hand():
    # b = f = 2, n = 7: 3 neighbours count. Honest sums: 5 and 7 have 4 + 4 + 16 = 24,
    # the least; the longest update is 9. Bound: sqrt(24 / (7 - 2 - 2 - 1)) + 9 = 12.46.
    # A copy at -s has 0 + (s - 1)^2 + (s + 3)^2 = 2 s^2 + 4 s + 10, and the honest -1
    # has 2 (s - 1)^2 + 16 = 2 s^2 - 4 s + 18, with both copies near it. So -s wins for
    # s < 1; of the halves of 12.46 the first below is 12.46 / 16 = 0.779.
    honest = np.array([[-1], [3], [5], [7], [9]], np.float32)
    expected = -(12**0.5 + 9) / 16
    np.testing.assert_allclose(FangKrum()(honest, 2), [[expected]] * 2, rtol=1e-6)


def test_fang_krum_stops_below_its_threshold():
    # b = f = 1, n = 5: 2 neighbours. The least honest sum is 1 + 1, the longest update
    # 4. Bound: sqrt(2 / (5 - 1 - 1 - 1)) + 4 = 5. Even at 0 a copy has 1 + 4 > 2.
    honest = np.array([[1], [2], [3], [4]], np.float32)
    ((value,),) = FangKrum()(honest, 1)
    np.testing.assert_allclose(value, -5 / 2**19, rtol=1e-6)  # 9.5e-6
    np.testing.assert_allclose(FangKrum(threshold=2.0)(honest, 1), [[-1.25]])


def test_fang_krum_is_refused_where_krum_is_undefined():
    with pytest.raises(ValueError, match="at least 9 clients, not n=8"):
        FangKrum().check(8, 3)
    with pytest.raises(ValueError, match="at least 8 clients, not n=7"):
        FangKrum(f=1)(normal(2), 5)
    FangKrum().check(9, 3)
