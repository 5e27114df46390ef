"""ALIE, by hand and against published z."""

import numpy as np
import pytest

from fedrobust.byzantine import ALIE, AttackContext
from fedrobust.byzantine.alie import alie_z
from tests.fedrobust.byzantine.updates import HONEST


@pytest.mark.parametrize(
    ("n", "b", "z"),
    [
        (50, 24, 1.4261),
        (51, 12, 0.3612),
        (25, 5, 0.2533),
        (100, 20, 0.2858),
        (20, 4, 0.1573),
    ],
)
def test_alie_z_of_known_federations(n, b, z):
    assert alie_z(n, b) == pytest.approx(z, abs=5e-5)


def test_alie_is_the_mean_minus_z_standard_deviations():
    crafted = ALIE(z=1.5)(HONEST, 2)
    np.testing.assert_allclose(crafted, [[0, 2 - 1.5 * 12**0.5]] * 2, rtol=1e-6)
    assert crafted.dtype == np.float32


def test_alie_with_the_other_sign_and_the_other_divisor():
    # ddof 0: variances 8 / 3 and 24 / 3.
    crafted = ALIE(z=1.5, sign=1, ddof=0)(HONEST, 1)
    expected = [[3 + 1.5 * (8 / 3) ** 0.5, 2 + 1.5 * 8**0.5]]
    np.testing.assert_allclose(crafted, expected, rtol=1e-6)


def test_alie_computes_z_from_n_and_b():
    honest = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    expected = honest.mean(axis=0) - 0.2533471 * honest.std(axis=0, ddof=1)
    np.testing.assert_allclose(ALIE()(honest, 5)[0], expected, rtol=1e-5)


def test_alie_of_the_paper_knows_only_its_own_updates():
    own = np.array([[0, 0], [2, 4]], np.float32)  # means 1, 2; std sqrt(2), sqrt(8)
    crafted = ALIE(z=2.0, statistics="own")(HONEST, 2, AttackContext(own=own))
    expected = [[1 - 2 * 2**0.5, 2 - 2 * 8**0.5]] * 2
    np.testing.assert_allclose(crafted, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"context\.own"):
        ALIE(z=2.0, statistics="own")(HONEST, 2)
    with pytest.raises(ValueError, match="num_byzantine=1"):
        ALIE(z=2.0, statistics="own").check(10, 1)


def test_alie_is_refused_where_undefined_and_warns_where_z_is_not_positive():
    with pytest.raises(ValueError, match="n=10 clients of which b=6"):
        ALIE()(np.zeros((4, 1), np.float32), 6)
    with pytest.warns(UserWarning, match="n=6 and b=1 has z=-0.2533"):
        ALIE()(np.zeros((5, 1), np.float32), 1)
    with pytest.warns(UserWarning, match="n=10 and b=2 has z=0"):
        ALIE().check(10, 2)


def test_alie_without_a_finite_z_is_undefined():
    with pytest.raises(ValueError, match="n above 2"):
        ALIE()(np.zeros((1, 3), np.float32), 1)
    with pytest.raises(ValueError, match="z=nan"):
        ALIE(z=float("nan"))
