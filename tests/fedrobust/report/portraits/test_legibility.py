"""The judge of figures finds what it looks for."""

import pytest
from matplotlib.figure import Figure

from fedrobust.report.style import styled
from tests.fedrobust.report.portraits.legibility import assert_legible


@styled
def drawn(*texts, **more):
    figure = Figure(figsize=(3, 1))
    for x, y, text in texts:
        figure.text(x, y, text, **more)
    return figure


def test_texts_beside_each_other_are_legible():
    assert_legible(drawn((0.1, 0.1, "one"), (0.1, 0.6, "other")))


@pytest.mark.parametrize(
    ("texts", "more"),
    [
        ([(0.1, 0.5, "one"), (0.12, 0.52, "other")], {}),
        ([(0.1, 0.5, "small")], {"fontsize": 6}),
        ([(0.9, 0.5, "cut at the right")], {}),
        ([(0.1, -0.1, "cut below")], {}),
        ([(0.1, 0.5, "$x_1$")], {"parse_math": True}),
        ([], {}),
    ],
)
def test_what_cannot_be_read_is_found(texts, more):
    with pytest.raises(AssertionError):
        assert_legible(drawn(*texts, **more))
