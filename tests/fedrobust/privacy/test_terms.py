"""The extreme values that are accounted are right, and those beyond are refused."""

import logging
import math

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from fedrobust.privacy import epsilon_of, noise_multiplier_for
from fedrobust.privacy.release import LEAST_NOISE, MOST_NOISE
from fedrobust.privacy.terms import LEAST_PLD_DELTA, MOST_STEPS

SAMPLES = [("poisson", 1.0), ("poisson", 0.01), ("none", 1.0), ("fixed", 0.01)]


def exact(noise, steps, delta):
    """Return the epsilon of Gaussian releases: Balle and Wang, 2018, theorem 8."""
    mu = math.sqrt(steps) / noise

    def excess(epsilon):
        far = math.exp(epsilon + norm.logcdf(-mu / 2 - epsilon / mu))
        return norm.cdf(mu / 2 - epsilon / mu) - far - delta

    return brentq(excess, 0, mu * mu + 50 * mu) if excess(0) > 0 else 0.0


@pytest.mark.parametrize("noise", [LEAST_NOISE, 1.0, MOST_NOISE])
@pytest.mark.parametrize("delta", [1e-5, LEAST_PLD_DELTA])
def test_the_epsilon_of_extreme_noise_is_a_close_upper_bound(noise, delta):
    run = {"noise_multiplier": noise, "steps": 100, "delta": delta}
    true = exact(noise, 100, delta)
    pld = epsilon_of(**run, accountant="pld")
    assert true <= pld <= 1.001 * true + 1.1e-4
    assert true <= epsilon_of(**run) <= 1.2 * true + 0.02


@pytest.mark.parametrize("accountant", ["rdp", "pld"])
@pytest.mark.parametrize(("sampling", "rate"), SAMPLES)
def test_more_noise_never_spends_more_up_to_the_bounds(sampling, rate, accountant):
    if (sampling, accountant) == ("fixed", "pld"):
        accountant = "rdp"
    same = {"sampling": sampling, "sampling_rate": rate, "accountant": accountant}
    noises = [LEAST_NOISE, 0.1, 1, 10, 1e3, 1e4, 1e5, MOST_NOISE]
    found = [
        epsilon_of(noise_multiplier=noise, steps=20, delta=1e-5, **same)
        for noise in noises
    ]
    assert found == sorted(found, reverse=True)
    assert 100 < found[0] < math.inf
    assert found[-1] < 0.02


def test_rounding_never_makes_a_release_cost_nothing(caplog):
    """The true epsilon is above 0: their total variation exceeds delta."""
    mu = 1e-6 * math.sqrt(1e8) / 1e4
    assert norm.cdf(mu / 2) - norm.cdf(-mu / 2) > 1e-10
    run = {"noise_multiplier": 1e4, "sampling_rate": 1e-6, "steps": 10**8}
    with caplog.at_level(logging.WARNING):
        assert epsilon_of(**run, delta=1e-10) > 0
        tiny = epsilon_of(noise_multiplier=1, sampling_rate=1e-300, steps=1, delta=1e-5)
    assert tiny == 0
    assert not caplog.records


def test_the_smallest_delta_is_no_error():
    run = {"noise_multiplier": 1, "steps": 1, "delta": 5e-324}
    assert 38 < epsilon_of(**run) < epsilon_of(**run, conversion="classic") < 45


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"noise_multiplier": 1e-155}, r"noise_multiplier=1e-155: must be 0 or in"),
        ({"noise_multiplier": 1e300}, r"noise_multiplier=1e\+300: must be 0 or in"),
        ({"noise_multiplier": math.inf}, "noise_multiplier=inf: must be a finite numb"),
        ({"noise_multiplier": math.nan}, "noise_multiplier=nan: must be a finite numb"),
        ({"noise_multiplier": "1"}, "noise_multiplier='1': must be a finite number"),
        ({"noise_multiplier": None}, "noise_multiplier=None: must be a finite number"),
        ({"sampling_rate": "1"}, "sampling_rate='1': must be a finite number"),
        ({"steps": 1.5}, "steps=1.5: must be an integer"),
        ({"steps": None}, "steps=None: must be an integer"),
        ({"steps": 10**400}, r"steps=1000*\.\.\.: must be an integer in \[0, 1e\+09\]"),
        ({"delta": "0.1"}, "delta='0.1': must be a finite number"),
        ({"delta": 1e-11, "accountant": "pld"}, "delta=1e-11: must be at least 1e-10"),
        (
            {"noise_multiplier": 0.01, "steps": MOST_STEPS, "accountant": "pld"},
            r"accountant='pld': must be rdp for an epsilon as large as 5\.5e\+12",
        ),
    ],
)
def test_values_beyond_are_refused_by_name(keywords, message):
    with pytest.raises(ValueError, match="^" + message):
        epsilon_of(**{"noise_multiplier": 1, "steps": 1, "delta": 1e-5, **keywords})


@pytest.mark.parametrize(
    ("target", "steps", "message"),
    [
        (1e-20, 1, r"epsilon=1e-20: must be in \[0\.001, 100000\], or inf"),
        (1e300, 1, r"epsilon=1e\+300: must be in \[0\.001"),
        (1e5, 1, "epsilon=100000.0: must be at most 5612, which the noise multiplier"),
        (0.002, 1, "epsilon=0.002: must be larger at delta=1e-05"),
        (0.01, MOST_STEPS, r"epsilon=0\.01: must be at least 0\.1086, which the noise"),
    ],
)
def test_a_target_that_no_noise_meets_closely_is_refused(target, steps, message):
    with pytest.raises(ValueError, match="^" + message):
        noise_multiplier_for(target, steps=steps, delta=1e-5)


@pytest.mark.parametrize(
    ("target", "accountant", "least"), [(0.002, "pld", 0.9), (5e3, "pld", 0.99)]
)
def test_extreme_targets_are_met_from_below(target, accountant, least):
    same = {"steps": 1, "delta": 1e-5, "accountant": accountant}
    noise = noise_multiplier_for(target, **same)
    spent = epsilon_of(noise_multiplier=noise, **same)
    assert least * target <= spent <= target
