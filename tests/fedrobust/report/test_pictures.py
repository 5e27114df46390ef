"""Inputs are drawn in the shape of an image."""

import pytest

from fedrobust.report.pictures import image_shape


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((784,), (28, 28)), ((8, 8, 1), (8, 8)), ((8, 9), (8, 9)), ((8, 9, 3), (8, 9, 3))],
)
def test_the_shape_in_which_an_input_is_drawn(shape, drawn):
    assert image_shape(shape) == drawn
