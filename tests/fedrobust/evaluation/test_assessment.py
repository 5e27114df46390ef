"""What an assessment refuses, and what it says of epsilons, inputs and labels."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.attacks import FGSM, PGD
from fedrobust.backend import keras
from fedrobust.errors import ConfigError
from fedrobust.evaluation.assessment import assess


def examples(trained, n=60):
    return trained.data.x_test[:n], trained.data.y_test[:n]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (FGSM(norm="l2"), "fgsm has norm=l2, pgd has norm=linf: must be the same"),
        (FGSM(model_range=(-1, 1)), r"fgsm has model_range=\(-1, 1\), pgd has"),
    ],
)
def test_attacks_of_several_balls_have_no_worst_case(trained, odd, message):
    with pytest.raises(ValueError, match=message):
        assess(trained.model, *examples(trained), {"fgsm": odd, "pgd": PGD()}, [0.1])


def test_a_run_refuses_attacks_of_several_balls(configure):
    config = configure("dataset=digits", "attack=fgsm_pgd", "attack.epsilon=0.1")
    config.attack.methods["fgsm"]["norm"] = "l2"
    with pytest.raises(ConfigError, match="fgsm has norm=l2, pgd has norm=linf"):
        Experiment(config).evaluator()


@pytest.mark.parametrize("epsilons", [["8/255"], "8/255", 8 / 255, [8 / 255]])
def test_epsilons_are_numbers_or_fractions(trained, epsilons):
    found = assess(trained.model, *examples(trained, 9), {"fgsm": FGSM()}, epsilons)
    assert [*found.scores.worst] == [repr(8 / 255)]


def test_an_invalid_epsilon_is_refused(trained):
    with pytest.raises(ValueError, match="epsilon='8/0': must be a number"):
        assess(trained.model, *examples(trained, 9), {"fgsm": FGSM()}, ["8/0"])


@pytest.mark.parametrize(
    ("norm", "epsilon", "told"),
    # An L2 ball around a corner of 64 values reaches all of them from 8 on.
    [("linf", 8, True), ("linf", 1, False), ("l2", 8, False), ("l2", 8.1, True)],
)
def test_an_epsilon_wider_than_the_range_is_reported(trained, norm, epsilon, told):
    attacks = {"fgsm": FGSM(norm=norm)}
    notes = assess(trained.model, *examples(trained, 9), attacks, [epsilon]).notes
    assert any("is wider than the range of inputs" in note for note in notes) == told


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
