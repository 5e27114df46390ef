"""Inputs are fitted to the shape that a model takes, and no pixels scrambled."""

import numpy as np
import pytest

from fedrobust.attacks import PGD, Square
from fedrobust.backend import keras
from fedrobust.evaluation.assessment import assess
from fedrobust.network.layout import Layout, layout_for


@pytest.mark.parametrize(
    ("given", "taken", "layout"),
    [
        ((8, 8, 1), (8, 8, 1), Layout((8, 8, 1))),
        ((8, 8, 1), (None, None, 1), Layout((8, 8, 1))),
        ((8, 8, 1), (8, 8), Layout((8, 8))),
        ((8, 8, 1), (1, 8, 8), Layout((1, 8, 8))),
        ((8, 8, 1), (64,), Layout((64,))),
        ((8, 8), (8, 8, 1), Layout((8, 8, 1))),
        ((32, 32, 3), (3072,), Layout((3072,))),
        ((784,), (28, 28, 1), Layout((28, 28, 1))),
        ((32, 32, 3), (3, 32, 32), Layout((32, 32, 3), (3, 1, 2))),
        ((32, 32, 3), (3, None, None), Layout((32, 32, 3), (3, 1, 2))),
        ((3, 30, 20), (30, 20, 3), Layout((3, 30, 20), (2, 3, 1))),
        ((30, 20, 3), (3, 30, 20), Layout((30, 20, 3), (3, 1, 2))),
    ],
)
def test_a_layout_that_keeps_the_pixels_is_found(given, taken, layout):
    assert layout_for(given, taken) == layout


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ((32, 32, 3), (16, 64, 3)),
        ((30, 20, 3), (3, 20, 30)),
        ((30, 20, 3), (20, 30, 3)),
        ((3072,), (32, 32, 3)),
        ((8, 8, 1), (4, 16)),
        ((8, 8, 1), (9, 9, 1)),
        ((8, 8, 1), (None, 3)),
    ],
)
def test_a_layout_that_would_scramble_them_is_refused(given, taken):
    with pytest.raises(ValueError, match="the model takes inputs of shape"):
        layout_for(given, taken)


def test_a_model_of_channels_first_is_attacked_as_that_of_channels_last():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(60, 6, 5, 3)).astype(np.float32)
    weights = rng.normal(size=(6, 5, 3, 4)).astype(np.float32)
    models = []
    for shape, w in [
        ((6, 5, 3), weights),
        ((3, 6, 5), weights.transpose(2, 0, 1, 3)),
    ]:
        layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
        models.append(keras.Sequential(layers))
        models[-1].set_weights([w.reshape(90, 4), np.zeros(4)])
    y = np.asarray(models[0](x)).argmax(1).astype(np.int32)
    attacks = {"pgd": PGD(steps=5), "square": Square(queries=50)}
    last, first = (assess(m, x, y, attacks, [0.02, 0.05]) for m in models)
    assert last.scores.clean == first.scores.clean == 1.0
    assert last.scores.worst == first.scores.worst
    assert "transposed to (3, 6, 5)" in first.notes[0]
    assert first.x.shape == x.shape
