"""Further attacks that a robustness number must withstand."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD, AutoAttackFast
from fedrobust.attacks.subject import Subject
from fedrobust.evaluation.full_checks import full_checks
from fedrobust.evaluation.measurements import stands
from fedrobust.network import network_of
from tests.fedrobust.evaluation.masked import examined, failed, masked


@pytest.mark.parametrize("checks", ["fast", "full"])
def test_examples_that_only_square_breaks_within_autoattack_are_reported(
    trained, checks
):
    attacks = {"autoattack_fast": AutoAttackFast(steps=5, targets=2, queries=300)}
    found = examined(trained, "false gradient", attacks, checks).checks
    check = found["gradient_free_not_better"]
    assert check.status == "fail"
    assert check.figure > 0.1
    honest = examined(trained, "honest", attacks, "fast").checks
    assert honest["gradient_free_not_better"].status == "pass"


def test_the_margin_loss_is_compared_with_the_cross_entropy(trained):
    x, y = trained.data.x_test[:128], trained.data.y_test[:128]
    network = network_of(masked(trained.model, "scaled"), x.shape[1:])
    subject = Subject(network, network.arrays(), x, y)
    attack = PGD(epsilon=0.1, loss="margin", random_start=False)
    right = subject.is_correct()
    check = full_checks(subject, {"pgd": attack}, right, right)["losses_agree"]
    taken = right & ~stands(subject, replace(attack, loss="ce"))
    assert check.figure == taken.mean()
    # The cross-entropy has no gradient here: the figure tells which loss was used.
    assert taken.mean() < (right & ~stands(subject, attack)).mean() - 0.1


def test_full_checks_compare_square_with_what_gradient_attacks_leave(trained):
    x, y = trained.data.x_test[:64], trained.data.y_test[:64]
    network = network_of(trained.model, x.shape[1:])
    subject = Subject(network, network.arrays(), x, y)
    nobody, right = np.zeros(64, bool), subject.is_correct()
    attacks = {"pgd": PGD(epsilon=0.1, steps=2)}
    by_gradients = full_checks(subject, attacks, nobody, right)
    assert by_gradients["gradient_free_not_better"].figure > 0
    assert by_gradients["more_iterations"].figure == 0
    by_all = full_checks(subject, attacks, right, nobody)
    assert by_all["gradient_free_not_better"].figure == 0
    assert by_all["more_iterations"].figure > 0


def test_a_weak_attack_is_not_believed(trained):
    scores = examined(trained, "honest", {"fgsm": FGSM()})
    assert "more_iterations" in failed(scores.checks)
