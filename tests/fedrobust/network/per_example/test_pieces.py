"""Forms of gradients, whose norms are never too small."""

import numpy as np
import pytest

from fedrobust.backend import tf
from fedrobust.network.per_example.factors import clipping_factors
from fedrobust.network.per_example.pieces import Lookup, Outer

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_an_outer_product_is_a_matrix_that_is_not_formed():
    a, g = draw(3, 5, 4), draw(3, 5, 2)
    piece = Outer([tf.constant(a), tf.constant(g)], lambda matrix: matrix)
    each = np.einsum("btd,bto->bdo", a, g)
    norms = np.square(each).sum(axis=(1, 2))
    assert piece.squared_norms().numpy() == pytest.approx(norms, rel=1e-5)
    total = piece.weighted_sum(tf.constant([1.0, 0.5, 0.0]))
    np.testing.assert_allclose(total, each[0] + each[1] / 2, atol=1e-5)


def test_rows_that_are_looked_up_twice_add_before_the_norm():
    g = np.float32([[[3, 0], [0, 4], [1, 0]], [[1, 1], [1, 1], [1, 1]]])
    piece = Lookup([tf.constant([[0, 2, 0], [1, 1, 1]]), tf.constant(g)], 4)
    assert piece.squared_norms().numpy() == pytest.approx([4**2 + 4**2, 2 * 3**2])
    total = piece.weighted_sum(tf.constant([1.0, 2.0]))
    assert total.numpy().tolist() == [[4, 0], [6, 6], [0, 4], [0, 0]]


@pytest.mark.parametrize("form", ["outer", "lookup"])
def test_a_gradient_that_nearly_cancels_is_not_longer_than_the_bound(form):
    # The products cancel to 1e-10 of their size, which float32 cannot tell from 0.
    g = 1e3 * draw(64, 1, 30)
    g = np.concatenate([g, -g * np.float32(1 + 1e-5)], axis=1)
    if form == "outer":
        a = 1e3 * np.repeat(draw(64, 1, 40), 2, axis=1)
        piece = Outer([tf.constant(a), tf.constant(g)], lambda matrix: matrix)
    else:
        a = np.ones((64, 2, 1))
        piece = Lookup([tf.zeros((64, 2), tf.int32), tf.constant(100 * g)], 1)
        g = 100 * g
    each = np.einsum("btd,bto->bdo", a.astype(np.float64), g.astype(np.float64))
    exact = np.sqrt(np.square(each).sum(axis=(1, 2)))
    assert (exact > 1).all()
    factors = clipping_factors(piece.squared_norms(), 1.0, tf.ones(64)).numpy()
    assert (factors * exact <= 1).all()
