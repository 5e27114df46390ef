"""Checks must fail a number that cannot be believed, and pass one that can."""

from dataclasses import replace

import numpy as np
import pytest

from fedrobust.attacks import FGSM, PGD, AutoAttack, AutoAttackFast, RandomNoise, Square
from fedrobust.attacks.subject import Subject
from fedrobust.backend import keras, tf
from fedrobust.evaluation.assessment import assess
from fedrobust.evaluation.checks import MEANINGS, check_attacks, takes_more
from fedrobust.evaluation.followed import stands
from fedrobust.evaluation.full_checks import probe
from fedrobust.evaluation.quick_checks import deterministic
from fedrobust.evaluation.scores import hyperparameters
from fedrobust.network import network_of


def mask(standing, n=400):
    return np.arange(n) < standing


def statuses(checks):
    return {name: check.status for name, check in checks.items()}


def failed(checks):
    return {name for name, check in checks.items() if check.status == "fail"}


# --- judgements on numbers ----------------------------------------------------------


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


def test_what_the_numbers_do_not_allow_is_not_run():
    curve = {"pgd": {"0.1": mask(200)}}
    checks = check_attacks(curve, curve["pgd"], [(0.1, 0.11, True)], {"pgd": None})
    assert checks["within_ball"].status == "fail"
    assert checks["hyperparameters_recorded"].status == "fail"
    assert checks["monotone_in_epsilon"].status == "not_run"
    assert checks["iterative_at_least_single_step"].status == "not_run"
    assert checks["monotone_in_epsilon"].figure is None


def test_a_perturbation_that_is_no_number_fails():
    reached = [(0.1, 0.05, True), (0.2, float("nan"), True)]
    for order in (reached, reached[::-1]):
        assert check_attacks({}, {}, order, {})["within_ball"].status == "fail"


def test_what_the_other_attack_misses_excuses_nothing():
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


def test_an_attack_that_keeps_a_parameter_to_itself_is_not_recorded():
    class Secretive(FGSM):
        def __init__(self, *, strength, **parameters):
            super().__init__(**parameters)
            object.__setattr__(self, "strength", strength)

    assert hyperparameters(Secretive(strength=3)) is None
    assert hyperparameters(FGSM(norm="l2"))["norm"] == "l2"


# --- models that mask ---------------------------------------------------------------


@keras.saving.register_keras_serializable("tests")
class Quantised(keras.layers.Layer):
    """Round inputs to 8 levels: no gradient goes through."""

    def call(self, x):
        return tf.round(x * 7) / 7


@keras.saving.register_keras_serializable("tests")
class HalfScaled(keras.layers.Layer):
    """Scale the logits of half of the images, those whose first pixels are dark."""

    def call(self, inputs):
        logits, x = inputs
        share = tf.reduce_sum(x, axis=(1, 2, 3), keepdims=True)[:, :, 0, 0]
        return logits * tf.where(share < 19.5, 1000.0, 1.0)


@keras.saving.register_keras_serializable("tests")
class Jitter(keras.layers.Layer):
    """Add noise, in inference too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x):
        noise = keras.random.normal(keras.ops.shape(x), seed=self.seed_generator)
        return x + 0.2 * noise


@keras.saving.register_keras_serializable("tests")
class Still(keras.layers.Layer):
    """Let no gradient through."""

    def call(self, x):
        return tf.stop_gradient(x)


@keras.saving.register_keras_serializable("tests")
class FalseGradient(keras.layers.Layer):
    """Give logits by inputs without a gradient that of other, random ones."""

    def call(self, logits, x):
        rng = np.random.default_rng(0)
        weights = rng.normal(size=(64, 10)).astype(np.float32)
        other = tf.reshape(x, [-1, 64]) @ weights
        return logits + other - tf.stop_gradient(other)


@keras.saving.register_keras_serializable("tests")
class RarelyRandom(Jitter):
    """Add noise to the darkest image alone."""

    def call(self, x):
        light = tf.reduce_sum(x, axis=(1, 2, 3), keepdims=True)
        rare = tf.cast(light <= tf.reduce_min(light), tf.float32)
        return x + rare * (super().call(x) - x)


def masked(model, kind):
    inputs = keras.Input((8, 8, 1))
    if kind == "honest":
        return keras.Model(inputs, model(inputs))
    if kind == "scaled":
        return keras.Model(inputs, model(inputs) * 1000.0)
    if kind == "half scaled":
        return keras.Model(inputs, HalfScaled()([model(inputs), inputs]))
    if kind == "quantised":
        return keras.Model(inputs, model(Quantised()(inputs)))
    if kind == "false gradient":
        return keras.Model(inputs, FalseGradient()(model(Still()(inputs)), inputs))
    if kind == "rarely random":
        return keras.Model(inputs, model(RarelyRandom()(inputs)))
    return keras.Model(inputs, model(Jitter()(inputs)))


def examined(trained, kind, attacks, checks="full"):
    data = trained.data
    return assess(
        masked(trained.model, kind),
        data.x_test[:256],
        data.y_test[:256],
        attacks,
        [0.1],
        checks=checks,
        split=data,
    ).scores


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


@pytest.mark.parametrize("kind", ["scaled", "half scaled", "quantised", "random"])
def test_even_the_fast_checks_see_that_something_is_wrong(trained, kind):
    scores = examined(trained, kind, {"pgd": PGD()}, checks="fast")
    assert failed(scores.checks)
    assert scores.checks["gradient_free_not_better"].status == "not_run"


@pytest.mark.parametrize("checks", ["fast", "full"])
def test_what_only_square_breaks_within_autoattack_is_told(trained, checks):
    attacks = {"autoattack_fast": AutoAttackFast(steps=5, targets=2, queries=300)}
    found = examined(trained, "false gradient", attacks, checks).checks
    check = found["gradient_free_not_better"]
    assert check.status == "fail"
    assert check.figure > 0.1
    honest = examined(trained, "honest", attacks, "fast").checks
    assert honest["gradient_free_not_better"].status == "pass"


def test_an_ensemble_that_goes_about_it_otherwise_is_asked(trained):
    class Lenient(AutoAttackFast):
        def on(self, subject):
            super().on(subject)
            return subject.x

    found = examined(trained, "honest", {"lenient": Lenient(queries=1)}, "none")
    assert found.robust["lenient"]["0.1"] == found.clean


def test_square_alone_is_held_against_nothing_by_the_fast_checks(trained):
    found = examined(trained, "honest", {"square": Square(queries=10)}, "fast").checks
    assert found["gradient_free_not_better"].status == "not_run"


def test_the_loss_of_a_sure_model_increases_too(trained):
    # Margins of a thousand and more: the cross-entropy is 0 before and after.
    scores = examined(trained, "scaled", {"pgd": PGD(loss="margin")})
    assert scores.checks["loss_increases"].status == "pass"


def test_the_margin_loss_is_held_against_the_cross_entropy(trained):
    x, y = trained.data.x_test[:128], trained.data.y_test[:128]
    network = network_of(masked(trained.model, "scaled"), x.shape[1:])
    subject = Subject(network, network.arrays(), x, y)
    attack = PGD(epsilon=0.1, loss="margin", random_start=False)
    right = subject.right()
    check = probe(subject, {"pgd": attack}, right, right)["losses_agree"]
    taken = right & ~stands(subject, replace(attack, loss="ce"))
    assert check.figure == taken.mean()
    # The cross-entropy has no gradient here: the figure tells which loss was used.
    assert taken.mean() < (right & ~stands(subject, attack)).mean() - 0.1


def test_a_probe_holds_square_against_what_gradients_leave(trained):
    x, y = trained.data.x_test[:64], trained.data.y_test[:64]
    network = network_of(trained.model, x.shape[1:])
    subject = Subject(network, network.arrays(), x, y)
    nobody, right = np.zeros(64, bool), subject.right()
    attacks = {"pgd": PGD(epsilon=0.1, steps=2)}
    by_gradients = probe(subject, attacks, nobody, right)
    assert by_gradients["gradient_free_not_better"].figure > 0
    assert by_gradients["more_iterations"].figure == 0
    by_all = probe(subject, attacks, right, nobody)
    assert by_all["gradient_free_not_better"].figure == 0
    assert by_all["more_iterations"].figure > 0


@pytest.mark.parametrize("size", [1.0, 1e30])
def test_random_outputs_are_told_at_any_size(size):
    rng = np.random.default_rng(0)
    calls = [(size * rng.normal(size=(4, 10))).astype(np.float32) for _ in range(3)]
    assert deterministic(calls).status == "fail"
    assert deterministic([calls[0]] * 3).status == "pass"


def test_random_noise_is_not_where_pgd_starts(trained):
    x, y = trained.data.x_test[:8], trained.data.y_test[:8]
    model = masked(trained.model, "quantised")
    with pytest.warns(UserWarning, match="cannot cross"):
        start = PGD(epsilon=0.1, steps=1, step_size=1e-9)
    still = start(model, x, y)
    assert np.abs(RandomNoise(epsilon=0.1)(model, x, y) - still).max() > 0.05


def test_a_weak_attack_is_not_believed(trained):
    scores = examined(trained, "honest", {"fgsm": FGSM()})
    assert "more_iterations" in failed(scores.checks)


def test_autoattack_is_not_fooled_by_scaled_logits(trained):
    x, y = trained.data.x_test[:64], trained.data.y_test[:64]
    model = masked(trained.model, "scaled")
    attacks = {"autoattack_fast": AutoAttackFast(), "pgd": PGD()}
    honest = assess(trained.model, x, y, attacks, [0.1], checks="none").scores
    hidden = assess(model, x, y, attacks, [0.1], checks="none").scores
    assert hidden.robust["pgd"]["0.1"] > honest.robust["pgd"]["0.1"] + 0.2
    gap = hidden.robust["autoattack_fast"]["0.1"]
    assert gap <= honest.robust["autoattack_fast"]["0.1"] + 0.05


def test_autoattack_is_at_or_below_each_of_its_parts(trained):
    x, y = trained.data.x_test[:128], trained.data.y_test[:128]
    ensemble = AutoAttackFast(epsilon=0.08, steps=10, targets=2, queries=100)
    names = ["apgd_ce", "apgd_t", "fab_t", "square"]
    attacks = dict(zip(names, ensemble.parts, strict=True))
    scores = assess(
        trained.model, x, y, {"whole": ensemble, **attacks}, [0.05, 0.08], checks="none"
    ).scores
    for epsilon, whole in scores.robust["whole"].items():
        parts = [scores.robust[name][epsilon] for name in names]
        assert whole == pytest.approx(scores.worst[epsilon])
        assert 0 < whole <= min(parts) < 1


def test_an_assessment_tells_what_the_model_answers(trained):
    x, y = trained.data.x_test[:40], trained.data.y_test[:40]
    found = assess(trained.model, x, y, {"fgsm": FGSM()}, [0.1], checks="none")
    for images, answers in [
        (x, found.answers),
        (found.adversarial["fgsm", "0.1"], found.attacked_answers["fgsm", "0.1"]),
    ]:
        np.testing.assert_array_equal(np.argmax(trained.model(images), 1), answers)
    right = (found.answers == y) & (found.attacked_answers["fgsm", "0.1"] == y)
    assert found.scores.robust["fgsm"]["0.1"] == pytest.approx(right.mean())


def test_the_standard_budget_is_fixed():
    kinds = [type(part).__name__ for part in AutoAttack(epsilon=0.3).parts]
    assert kinds == ["APGD", "APGD", "FAB", "Square"]
    ce, targeted, fab, square = AutoAttack(epsilon=0.3).parts
    assert (ce.steps, ce.loss, ce.targeted, ce.restarts) == (100, "ce", False, 1)
    assert (targeted.steps, targeted.targets, targeted.loss) == (100, 9, "dlr")
    assert (fab.steps, fab.targets, fab.targeted, fab.restarts) == (100, 9, True, 1)
    assert isinstance(square, Square)
    assert (square.queries, square.p_init) == (5000, 0.8)
    with pytest.raises(TypeError):
        AutoAttack(epsilon=0.3, steps=10)
