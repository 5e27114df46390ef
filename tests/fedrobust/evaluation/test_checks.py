"""Checks must fail a number that cannot be believed, and pass one that can."""

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD
from fedrobust.evaluation.checks import MEANINGS, check_attacks, takes_more
from tests.fedrobust.evaluation.masked import examined, failed, statuses


def mask(standing, n=400):
    return np.arange(n) < standing


def test_checks_catch_a_fake():
    standing = {
        "fgsm": {"0.1": mask(120), "0.2": mask(200)},
        "pgd": {"0.1": mask(240), "0.2": mask(40)},
    }
    worst = {"0.1": mask(120), "0.2": mask(40)}
    reached = [(0.1, 0.1, True)]
    checks = check_attacks(standing, worst, reached, {"fgsm": {}, "pgd": {}})
    assert set(checks) == set(MEANINGS)
    assert checks["within_ball"].status == "pass"
    assert checks["monotone_in_epsilon"].status == "fail"
    assert checks["monotone_in_epsilon"].figure == pytest.approx(0.2)
    assert checks["iterative_at_least_single_step"].status == "fail"
    assert checks["iterative_at_least_single_step"].figure == pytest.approx(0.3)
    assert checks["restarts"].status == "not_run"


def test_checks_that_lack_numbers_are_not_run():
    curve = {"pgd": {"0.1": mask(200)}}
    checks = check_attacks(curve, curve["pgd"], [(0.1, 0.11, True)], {"pgd": None})
    assert checks["within_ball"].status == "fail"
    assert checks["hyperparameters_recorded"].status == "fail"
    assert checks["monotone_in_epsilon"].status == "not_run"
    assert checks["iterative_at_least_single_step"].status == "not_run"
    assert checks["monotone_in_epsilon"].figure is None


def test_a_perturbation_that_is_nan_fails():
    reached = [(0.1, 0.05, True), (0.2, float("nan"), True)]
    for order in (reached, reached[::-1]):
        assert check_attacks({}, {}, order, {})["within_ball"].status == "fail"


def test_misses_of_another_attack_excuse_nothing():
    # A point of 400 and two standard errors, 2 sqrt(0.01 x 0.99 / 400): 1.99 points,
    # 7.98 examples.
    assert takes_more("restarts", mask(100), mask(93)).status == "pass"
    assert takes_more("restarts", mask(100), mask(92)).status == "fail"
    # Whoever breaks 8 more is right about them, though 200 that were broken stand.
    missed = mask(300) & ~mask(8)
    check = takes_more("restarts", mask(100), missed)
    assert check.status == "fail"
    assert check.figure == pytest.approx(8 / 400)
    # Of Square's 0.2 points and two standard errors it is 2.6 examples.
    name = "gradient_free_not_better"
    assert takes_more(name, mask(100), mask(98)).status == "pass"
    assert takes_more(name, mask(100), mask(97)).status == "fail"


def test_a_weaker_attack_must_not_be_better_on_balance():
    # 110 of 10,000 are 1.1 points, which are allowed to others, but not chance:
    # 2 sqrt(110) = 21.0. Where 100 others stand in turn, 10 are: 2 sqrt(210) = 29.0.
    reported, other = mask(5000, 10_000), mask(4890, 10_000)
    turned = other | (np.arange(10_000) >= 9900)
    name = "iterative_at_least_single_step"
    assert takes_more("restarts", reported, other).status == "pass"
    assert takes_more(name, reported, other).status == "fail"
    assert takes_more(name, reported, turned).status == "pass"


def test_a_curve_may_rise_by_chance():
    # 30 stand at the larger epsilon alone, 20 at the smaller alone: 10 of 400 more,
    # where 2 sqrt(50) = 14.1 are chance; 30 alone have 2 sqrt(30) = 10.95.
    small, large = mask(70), mask(100)
    small[200:220] = True
    checks = check_attacks({"pgd": {"0.1": small, "0.2": large}}, {}, [], {})
    assert checks["monotone_in_epsilon"].status == "pass"
    assert checks["monotone_in_epsilon"].figure == pytest.approx(10 / 400)
    checks = check_attacks({"pgd": {"0.1": mask(70), "0.2": large}}, {}, [], {})
    assert checks["monotone_in_epsilon"].status == "fail"


def test_an_attack_below_autoattack_fails_by_a_single_example():
    def judge(autoattack, pgd):
        standing = {"autoattack": {"0.3": autoattack}, "pgd": {"0.3": pgd}}
        both = {"0.3": autoattack & pgd}
        checks = check_attacks(standing, both, [], {"autoattack": {}})
        return checks["autoattack_is_lowest"].status

    assert judge(mask(100), mask(99)) == "fail"
    assert judge(mask(100), mask(100)) == "pass"
    # It breaks more than the other, and yet missed three that fall, or two.
    assert judge(mask(100), mask(150) & ~mask(3)) == "fail"
    assert judge(mask(100), mask(150) & ~mask(2)) == "pass"


def test_a_worst_case_above_one_of_its_attacks_fails():
    standing = {"pgd": {"0.1": mask(200)}}
    checks = check_attacks(standing, {"0.1": mask(201)}, [], {"pgd": {}})
    assert checks["worst_case_per_example"].status == "fail"
    assert checks["worst_case_per_example"].figure == pytest.approx(-1 / 400)


def test_an_honest_model_under_a_good_attack_passes_everything(trained):
    scores = examined(trained, "honest", {"fgsm": FGSM(), "pgd": PGD(restarts=2)})
    assert failed(scores.checks) == set()
    run = {name for name, s in statuses(scores.checks).items() if s == "pass"}
    assert run == set(MEANINGS) - {"monotone_in_epsilon", "autoattack_is_lowest"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("scaled", {"zero_gradients", "losses_agree", "gradient_free_not_better"}),
        ("half scaled", {"zero_gradients", "losses_agree", "gradient_free_not_better"}),
        ("quantised", {"zero_gradients", "gradient_free_not_better"}),
        ("false gradient", {"unbounded_attack", "gradient_free_not_better"}),
        ("random", {"deterministic"}),
        ("rarely random", {"deterministic"}),
    ],
)
def test_a_masked_model_trips_the_checks(trained, kind, expected):
    scores = examined(trained, kind, {"pgd": PGD()})
    assert expected <= failed(scores.checks)
