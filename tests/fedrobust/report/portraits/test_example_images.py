"""Images are drawn as they are, and what was added magnified."""

import numpy as np
import pytest

from fedrobust.report.portraits.example_images import (
    RIGHT,
    WRONG,
    Examples,
    examples_figure,
    image_shape,
    magnification,
)
from fedrobust.report.style import INK
from tests.fedrobust.report.portraits.legibility import assert_legible, words
from tests.fedrobust.report.portraits.test_partition import FASHION

PGD, FGSM = ("pgd", "0.1"), ("fgsm", "0.1")


def made(n, shape, classes=(), epsilon=0.1):
    """Return examples of which the first is broken by PGD alone."""
    x = np.random.default_rng(0).random((n, *shape), np.float32)
    x_adv = x + np.float32(epsilon)
    y = np.arange(n)
    wrong = np.where(y == 0, n - 1, y)
    return Examples(
        x, y, y, {PGD: x_adv, FGSM: x}, {PGD: wrong, FGSM: y}, list(classes)
    )


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((784,), (28, 28)), ((8, 8, 1), (8, 8)), ((8, 9), (8, 9)), ((8, 9, 3), (8, 9, 3))],
)
def test_the_shape_in_which_an_input_is_drawn(shape, drawn):
    assert image_shape(shape) == drawn


@pytest.mark.parametrize("shape", [(20,), (8, 8, 2), (8, 8, 3, 3)])
def test_what_is_not_an_image_is_refused(shape):
    with pytest.raises(ValueError, match="are not images"):
        image_shape(shape)


@pytest.mark.parametrize(
    ("largest", "factor"),
    [(0.5, 1), (0.3, 1), (0.15, 2), (0.1, 5), (8 / 255, 10), (0.01, 50), (0.6, 0.5),
     (0.0, 1), (1e-9, 1)],
)  # fmt: skip
def test_a_perturbation_is_magnified_as_far_as_it_fits(largest, factor):
    found = magnification(np.array([[-largest, largest / 2]]))
    assert found == pytest.approx(factor)
    assert found * largest <= 0.5 * (1 + 1e-4)


def test_each_example_is_drawn_clean_and_attacked_and_its_perturbation_magnified():
    found = made(3, (4, 4))
    axes = np.array(examples_figure(found, (4, 4), [PGD]).axes).reshape(3, 3)
    for column in range(3):
        clean, attacked, added = (axis.images[0] for axis in axes[:, column])
        np.testing.assert_array_equal(clean.get_array(), found.x[column])
        shown = np.clip(found.adversarial[PGD][column], 0, 1)
        np.testing.assert_array_equal(attacked.get_array(), shown)
        np.testing.assert_allclose(added.get_array(), 5 * 0.1, atol=1e-5)
    assert axes[2, 0].get_ylabel() == "added\n× 5"


def test_a_wrong_answer_has_a_cross_and_a_thick_frame():
    figure = examples_figure(made(3, (4, 4), ["ant", "bee", "cat"]), (4, 4), [PGD])
    clean, attacked = np.array(figure.axes).reshape(3, 3)[:2]
    assert clean[0].get_xlabel() == f"{RIGHT} ant"
    assert attacked[0].get_xlabel() == f"{WRONG} cat"
    assert attacked[1].get_xlabel() == f"{RIGHT} bee"
    thin, thick = (axis.spines["top"] for axis in (attacked[1], attacked[0]))
    assert thick.get_linewidth() > 2 * thin.get_linewidth()
    assert thin.get_edgecolor() != thick.get_edgecolor()


def test_how_often_an_example_is_broken_stands_below_it():
    found = made(3, (4, 4))
    assert found.times_broken().tolist() == [1, 0, 0]
    figure = examples_figure(found, (4, 4), [PGD], [0.125, None, 1.0])
    below = [axis.get_xlabel() for axis in figure.axes[-3:]]
    assert below == ["wrong 1/2\nclass 12 %", "wrong 0/2", "wrong 0/2\nclass 100 %"]


def test_an_answer_that_is_not_finite_is_named():
    assert made(2, (4, 4)).name_of(-1) == "not finite"


def test_channels_that_come_first_are_drawn_last():
    found = made(2, (3, 5, 5))
    first = examples_figure(found, (5, 5, 3), [PGD]).axes[0].images[0]
    np.testing.assert_array_equal(first.get_array(), np.moveaxis(found.x[0], 0, -1))


@pytest.mark.parametrize("n", [1, 5, 6, 10])
@pytest.mark.parametrize(
    ("shape", "classes", "attempts"),
    [((6, 6), (), [PGD]), ((6, 6, 3), FASHION, [PGD, FGSM])],
)
def test_the_figure_can_be_read(shape, n, classes, attempts):
    found = made(n, shape, classes)
    figure = examples_figure(found, shape, attempts, [1.0] * 10)
    assert_legible(figure)


def test_no_more_than_ten_examples_are_drawn():
    figure = examples_figure(made(12, (4, 4)), (4, 4), [PGD])
    assert len(figure.axes) == 30


def test_texts_are_in_ink():
    figure = examples_figure(made(2, (4, 4)), (4, 4), [PGD])
    assert {axis.xaxis.label.get_color() for axis in figure.axes} == {INK}
    assert "clean" in words(figure)
