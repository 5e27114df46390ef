"""What an assessment refuses, and what it says of epsilons, inputs and labels."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.attacks import FGSM, PGD
from fedrobust.errors import ConfigError
from fedrobust.evaluation.assessment import assess
from tests.fedrobust.evaluation.masked import examples


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


def test_an_assessment_includes_the_predictions(trained):
    x, y = trained.data.x_test[:40], trained.data.y_test[:40]
    found = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.1], checks="none")
    for images, answers in [
        (x, found.answers),
        (found.adversarial["fgsm", "0.1"], found.attacked_answers["fgsm", "0.1"]),
    ]:
        np.testing.assert_array_equal(np.argmax(trained.model(images), 1), answers)
    right = (found.answers == y) & (found.attacked_answers["fgsm", "0.1"] == y)
    assert found.scores.robust["fgsm"]["0.1"] == pytest.approx(right.mean())
