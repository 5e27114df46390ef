"""Accounting of differential privacy, all of it by dp-accounting (the extra ``dp``).

A release is one Gaussian mechanism: a sum of contributions of norm at most C, plus
noise of standard deviation ``noise_multiplier`` times C. What ``sampling`` says decides
what may be claimed of many releases:

=============  ================================================  =====================
``sampling``   who is in a release                               neighbouring data
=============  ================================================  =====================
``poisson``    each, independently, with ``sampling_rate``       one more or one less
``fixed``      a fixed number, without replacement, that is the  one replaced by any
               share ``sampling_rate``                           other
``none``       the one in question, in every release that is     one replaced by any
               counted: nobody's absence is a secret             other
=============  ================================================  =====================

To replace one contribution moves the sum by up to 2C, so ``fixed`` and ``none`` are
accounted with half the noise. Where implementations differ: dp-accounting's RDP ignores
this for plain Gaussian releases, so the halving is done here and both of its
accountants are asked about adding or removing one. ``fixed`` is amplified by theorem 27
of Wang, Balle, Kasiviswanathan: Subsampled Rényi Differential Privacy and Analytical
Moments Accountant, AISTATS 2019, which only RDP has. That bound may exceed the one of
being in every release, which holds too, so the smaller one counts.
"""

import math
from collections.abc import Callable, Collection
from functools import lru_cache

from fedrobust.privacy.accountants import library_epsilon
from fedrobust.privacy.release import LEAST_NOISE, MOST_NOISE, Release
from fedrobust.privacy.terms import (
    ACCOUNTANTS,
    require_delta,
    require_steps,
    require_target,
)
from strategies.validation import require

CONVERSIONS = ("improved", "classic")
# Precision of the noise multiplier, by accountant.
TOLERANCE = {"rdp": 1e-6, "pld": 1e-5}
# The least share of a target that the noise found for it must spend.
LEAST_SHARE = 0.5


def epsilon_of(
    *,
    noise_multiplier: float,
    sampling_rate: float = 1.0,
    steps: int,
    delta: float,
    accountant: str = "rdp",
    conversion: str = "improved",
    sampling: str = "poisson",
) -> float:
    """Return the epsilon that some Gaussian releases spend together.

    Parameters
    ----------
    noise_multiplier
        Standard deviation of the noise over the largest norm of one contribution, in
        [0.01, 10^6], or 0, which spends an infinite epsilon.
    sampling_rate
        Probability, or share, with which one is in a release, in (0, 1].
    steps
        Number of releases, in [0, 10^9].
    delta
        Probability that the bound may fail with, in (0, 1), and at least 1e-10 with
        ``pld``.
    accountant
        ``rdp``, or ``pld``, which is tighter, up to an epsilon of 10^6 by ``rdp``.
    conversion
        From RDP to epsilon: ``improved`` as Canonne, Kamath, Steinke (arXiv 2004.00010,
        proposition 12), or ``classic`` as Mironov (arXiv 1702.07476, proposition 3)
        with the orders that older tables were made with.
    sampling
        ``poisson``, ``fixed`` or ``none``, as in the table of this module.

    Raises
    ------
    ValueError
        When a value is out of range, or the accountant cannot do what is asked.
    ConfigError
        When dp-accounting is not installed.
    """
    release = Release(noise_multiplier, sampling_rate, sampling)
    return epsilon_spent(release, steps, delta, accountant, conversion)


def noise_multiplier_for(
    epsilon: float,
    *,
    sampling_rate: float = 1.0,
    steps: int,
    delta: float,
    accountant: str = "rdp",
    sampling: str = "poisson",
) -> float:
    """Return the smallest noise multiplier that spends no more than ``epsilon``.

    Parameters
    ----------
    epsilon
        What all releases may spend, in [0.001, 10^5]; infinity needs no noise.
    sampling_rate, steps, delta, accountant, sampling
        As in ``epsilon_of``; ``steps`` at least 1.

    Returns
    -------
    The noise multiplier, to 1e-6 with ``rdp`` and to 1e-5 with ``pld``, and never too
    small.

    Raises
    ------
    ValueError, ConfigError
        As in ``epsilon_of``, and when no noise spends about so much.
    """
    require_target("epsilon", epsilon)
    require_steps("steps", steps, 1)
    if math.isinf(epsilon):
        return 0.0
    noise = _calibrated(epsilon, sampling_rate, steps, delta, accountant, sampling)
    release = Release(noise, sampling_rate, sampling)
    spent = epsilon_spent(release, steps, delta, accountant)
    # Delta alone can cover what little a noisier release reveals: epsilon jumps to 0.
    require(
        LEAST_SHARE * epsilon <= spent <= epsilon,
        "epsilon",
        epsilon,
        f"larger at delta={delta}: with the noise multiplier {noise:.4g} the releases "
        f"spend {spent:.4g}, and with a smaller one more than {epsilon}",
    )
    return noise


def epsilon_spent(
    release: Release,
    count: int,
    delta: float,
    accountant: str = "rdp",
    conversion: str = "improved",
) -> float:
    """Return what ``epsilon_of`` does, for ``count`` times the same release."""
    require_steps("steps", count)
    require(accountant in ACCOUNTANTS, "accountant", accountant, "rdp or pld")
    require_delta(delta, accountant)
    require(conversion in CONVERSIONS, "conversion", conversion, "improved or classic")
    require(
        conversion == "improved" or accountant == "rdp",
        "conversion",
        conversion,
        "improved with accountant=pld, which needs no conversion",
    )
    require(
        release.sampling != "fixed" or accountant == "rdp",
        "sampling",
        release.sampling,
        "poisson or none with accountant=pld, which has no bound for samples of fixed "
        "size",
    )
    if count == 0:
        return 0.0
    if release.noise_multiplier == 0:
        return math.inf
    return library_epsilon(release, count, delta, accountant, conversion)


def largest_epsilon(
    spent: Collection[tuple[Release, int]],
    delta: float,
    accountant: str = "rdp",
    conversion: str = "improved",
) -> float:
    """Return the largest epsilon of several numbers of releases; 0 of none.

    With ``pld``, which takes longer, those are left out whose bound by ``rdp`` is below
    what another spends.
    """
    found = 0.0
    rough = {pair: epsilon_spent(*pair, delta, "rdp", conversion) for pair in spent}
    if accountant == "rdp":
        return max(rough.values(), default=found)
    for pair in sorted(rough, key=rough.__getitem__, reverse=True):
        if rough[pair] <= found:
            break
        found = max(found, epsilon_spent(*pair, delta, accountant))
    return found


@lru_cache(maxsize=256)
def _calibrated(
    epsilon: float,
    rate: float,
    steps: int,
    delta: float,
    accountant: str,
    sampling: str,
) -> float:
    """Return the noise multiplier, between two that spend more and less."""

    def spent(noise: float) -> float:
        release = Release(noise, rate, sampling)
        return epsilon_spent(release, steps, delta, accountant)

    start, factor = 1.0, 2.0
    # RDP is fast and spends a little more, so its answer is a close bound.
    if accountant == "pld":
        start = _calibrated(epsilon, rate, steps, delta, "rdp", sampling)
        factor = 1.25
    low, high = _bracket(spent, epsilon, start, factor)
    # Imported late, as few runs look for their noise.
    from scipy.optimize import brentq

    tolerance = TOLERANCE[accountant]
    found = float(brentq(lambda z: spent(z) - epsilon, low, high, xtol=tolerance))
    while spent(found) > epsilon:
        found += tolerance
    return found


def _bracket(
    spent: Callable[[float], float], epsilon: float, noise: float, factor: float
) -> tuple[float, float]:
    """Return noise multipliers, a factor apart, that spend too much and enough."""
    while (now := spent(noise)) > epsilon:
        least = f"at least {now:.4g}, which the noise multiplier {noise:g} spends"
        require(noise < MOST_NOISE, "epsilon", epsilon, least)
        noise = min(noise * factor, MOST_NOISE)
    while (now := spent(less := max(noise / factor, LEAST_NOISE))) <= epsilon:
        most = f"at most {now:.4g}, which the noise multiplier {less:g} spends, or inf"
        require(less > LEAST_NOISE, "epsilon", epsilon, most)
        noise = less
    return less, noise
