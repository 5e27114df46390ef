"""The properties that every evasion attack must have, run by every attack."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedrobust.attacks import FGSM, PGD
from fedrobust.network.inference import BATCH
from tests.conformance.evasions import ATTACKS, WITH_NOISE

every_attack = pytest.mark.parametrize("attack", WITH_NOISE, ids=repr)
every_real_attack = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


def examples(trained, n=40):
    return trained.data.x_test[:n], trained.data.y_test[:n]


def largest(x_adv, x, norm):
    """Measure the largest perturbation in float64."""
    offset = (x_adv.astype(np.float64) - x.astype(np.float64)).reshape(len(x), -1)
    return np.linalg.norm(offset, np.inf if norm == "linf" else 2, axis=1).max()


@every_attack
@settings(max_examples=6, deadline=None)
@given(epsilon=st.floats(0, 1.5), seed=st.integers(0, 2**32 - 1))
def test_the_ball_and_the_range_hold_exactly(trained, attack, epsilon, seed):
    x, y = examples(trained)
    before = x.copy()
    x_adv = attack.at(epsilon)(trained.model, x, y, seed=seed)
    assert x_adv.shape == x.shape
    assert x_adv.dtype == np.float32
    assert largest(x_adv, x, attack.norm) <= epsilon
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    np.testing.assert_array_equal(x, before)


@every_attack
def test_epsilon_zero_is_the_identity(trained, attack):
    x, y = examples(trained)
    np.testing.assert_array_equal(attack.at(0)(trained.model, x, y), x)


@every_attack
def test_neither_batch_size_nor_company_changes_an_example(trained, attack):
    x, y = trained.data.x_test, trained.data.y_test
    assert len(x) > 2 * BATCH
    together = attack.at(0.15)(trained.model, x, y, seed=3)
    rows = np.array([300, 7, 128])
    few = attack.at(0.15)(trained.model, x[rows], y[rows], seed=3, index=rows)
    np.testing.assert_array_equal(few, together[rows])
    alone = attack.at(0.15)(trained.model, x[7:8], y[7:8], seed=3, index=np.array([7]))
    np.testing.assert_array_equal(alone[0], together[7])


@every_real_attack
def test_it_hurts_more_as_epsilon_grows(trained, attack):
    x, y = trained.data.x_test, trained.data.y_test

    def accuracy(epsilon):
        x_adv = attack.at(epsilon)(trained.model, x, y)
        return float((np.argmax(trained.model(x_adv), axis=1) == y).mean())

    # An L2 ball of radius r sqrt(d) has the corners of the Linf ball of radius r.
    scale = 1 if attack.norm == "linf" else 8
    curve = [accuracy(scale * e) for e in (0.0, 0.05, 0.1, 0.2)]
    assert curve[0] > 0.9
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] < 0.3


@every_attack
def test_no_examples_give_no_examples(trained, attack):
    x, y = examples(trained, 0)
    assert attack(trained.model, x, y).shape == (0, 8, 8, 1)


@every_attack
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x + 2, y), "outside of model_range"),
        (lambda x, y: (x * np.nan, y), "outside of model_range"),
        (lambda x, y: (x, y[:3]), "labels must be"),
        (lambda x, y: (x, y / 2), "integers"),
        (lambda x, y: (x, y[:, None]), "labels must be"),
    ],
)
def test_bad_input_is_refused(trained, attack, change, message):
    x, y = change(*examples(trained))
    with pytest.raises(ValueError, match=message):
        attack(trained.model, x, y)


@pytest.mark.parametrize("kind", [FGSM, PGD])
@pytest.mark.parametrize("epsilon", [-1, "-1/255", "x", float("nan"), True, "1/0"])
def test_epsilon_must_be_a_number_of_at_least_zero(kind, epsilon):
    with pytest.raises(ValueError, match="epsilon="):
        kind(epsilon=epsilon)


def test_epsilon_may_be_a_fraction():
    assert FGSM(epsilon="8/255").epsilon == 8 / 255
