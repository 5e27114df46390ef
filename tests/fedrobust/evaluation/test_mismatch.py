"""Inputs or labels other than those the model was trained on."""

import numpy as np
import pytest

from fedrobust.attacks import FGSM
from fedrobust.backend import keras
from fedrobust.evaluation.assessment import assess
from tests.fedrobust.evaluation.masked import examples


def shown_otherwise(model, change):
    """Return a model that was trained on changed inputs."""
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, model(change(inputs)))


@pytest.mark.parametrize(
    ("undo", "note"),
    [
        (lambda x: x / 255, "with --range 0 255"),
        (lambda x: (x + 1) / 2, "with --range -1 1"),
        (lambda x: 1 - x, "for inverted inputs"),
        (lambda x: keras.ops.swapaxes(x, 1, 2), "rows and columns are exchanged"),
    ],
)
def test_inputs_that_the_model_was_not_trained_on_are_reported(trained, undo, note):
    x, y = examples(trained, 200)
    found = assess(shown_otherwise(trained.model, undo), x, y, {"fgsm": FGSM()}, [0.01])
    assert any(note in each for each in found.notes), found.notes


def test_a_range_that_is_applied_twice_is_reported(trained):
    x, y = examples(trained, 200)
    attacks = {"fgsm": FGSM()}
    found = assess(trained.model, x, y, attacks, [0.01], model_range=(0, 255))
    # Without the second scaling the answers are those that the model was trained for.
    plain = assess(trained.model, x, y, attacks, [0.01])
    assert plain.notes == []
    if found.scores.clean < plain.scores.clean - 0.12:
        assert any("with --range 0 1" in note for note in found.notes)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (lambda y: (y + 1) % 10, "if the labels were smaller by 1"),
        (lambda y: np.random.default_rng(3).permutation(10)[y], "in another order"),
    ],
)
def test_labels_of_another_order_are_reported(trained, labels, note):
    x, y = examples(trained, 200)
    y = labels(y).astype(np.int32)
    found = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.01])
    assert any(note in each for each in found.notes), found.notes
    assert any("is no better than always answering" in each for each in found.notes)
