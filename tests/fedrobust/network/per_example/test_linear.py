"""Dense layers by an equation."""

import pytest

from fedrobust.backend import keras
from fedrobust.network.per_example import clipped, layers
from tests.fedrobust.network.per_example.examples import error_of, examples, network

EQUATIONS = {
    "ab,bc->ac": ((5,), (4,), "c", True),
    "abc,cd->abd": ((3, 5), (3, 4), "d", True),
    "abc,bd->adc": ((3, 5), (4, 5), "dc", True),
    "abcd,cde->abe": ((3, 2, 5), (3, 4), "e", True),
    "abc,cde->abed": ((3, 5), (3, 4, 2), "d", True),
    # A product for each step, and an equation with dots.
    "abc,bcd->abd": ((3, 5), (3, 4), "bd", False),
    "...x,xy->...y": ((5,), (4,), "y", False),
}


def refuse(*_):
    pytest.fail("the slow way was taken")


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations_are_the_loop_over_single_examples(equation, monkeypatch):
    shape, output, bias, has_rule = EQUATIONS[equation]
    monkeypatch.setattr(clipped, "whole_model", refuse)
    if has_rule:
        monkeypatch.setattr(layers, "any_layer", refuse)

    def layers_of(x):
        einsum = keras.layers.EinsumDense(
            equation, output, bias_axes=bias, activation="relu"
        )
        return keras.layers.Dense(3)(keras.layers.Flatten()(einsum(x)))

    assert error_of(network((shape, layers_of)), examples(shape)) < 1e-5
