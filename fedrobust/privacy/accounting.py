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
Moments Accountant, AISTATS 2019, which only RDP has.
"""

import importlib
import logging
import math
from collections.abc import Callable, Collection
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.errors import ConfigError
from fedrobust.privacy.mechanism import ACCOUNTANTS
from fedrobust.privacy.release import Release
from strategies.validation import require, require_between

CONVERSIONS = ("improved", "classic")
# The orders of TensorFlow Privacy's and Opacus's tables with the classic conversion.
CLASSIC_ORDERS = (*(1 + tenth / 10 for tenth in range(1, 100)), *range(12, 64))
# Grid of the privacy loss. The coarser one serves losses so large that its error, of
# about its width, says nothing; with the finer one these would take seconds.
FINE, COARSE, LARGE_LOSS = 1e-4, 1e-3, 20.0
# No smaller and no larger noise multiplier is looked for.
LEAST_NOISE, MOST_NOISE = 1e-6, 1e12
# Precision of the noise multiplier, by accountant.
TOLERANCE = {"rdp": 1e-6, "pld": 1e-5}


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
        Standard deviation of the noise over the largest norm of one contribution, at
        least 0; 0 spends an infinite epsilon.
    sampling_rate
        Probability, or share, with which one is in a release, in (0, 1].
    steps
        Number of releases, at least 0.
    delta
        Probability that the bound may fail with, in (0, 1).
    accountant
        ``rdp``, or ``pld``, which is tighter.
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
        What all releases may spend, above 0; infinity needs no noise.
    sampling_rate, steps, delta, accountant, sampling
        As in ``epsilon_of``; ``steps`` at least 1.

    Returns
    -------
    The noise multiplier, to 1e-6 with ``rdp`` and to 1e-5 with ``pld``, and never too
    small.

    Raises
    ------
    ValueError, ConfigError
        As in ``epsilon_of``.
    """
    require(epsilon > 0, "epsilon", epsilon, "above 0")
    require_between("steps", steps, 1)
    if math.isinf(epsilon):
        return 0.0
    return _calibrated(epsilon, sampling_rate, steps, delta, accountant, sampling)


def epsilon_spent(
    release: Release,
    count: int,
    delta: float,
    accountant: str = "rdp",
    conversion: str = "improved",
) -> float:
    """Return what ``epsilon_of`` does, for ``count`` times the same release."""
    require_between("steps", count, 0)
    require(0 < delta < 1, "delta", delta, "above 0 and below 1")
    require(accountant in ACCOUNTANTS, "accountant", accountant, "rdp or pld")
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
    return _epsilon(release, count, delta, accountant, conversion)


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


@lru_cache(maxsize=4096)
def _epsilon(
    release: Release, count: int, delta: float, accountant: str, conversion: str
) -> float:
    if accountant == "pld":
        return _pld_epsilon(release, count, delta)
    if conversion == "classic":
        orders, rdp = _rdp_of_one(release, CLASSIC_ORDERS)
        bounds = count * rdp + math.log(1 / delta) / (orders - 1)
        return float(max(0.0, np.min(bounds)))
    orders, rdp = _rdp_of_one(release, None)
    library = _dp_accounting().rdp
    return float(library.compute_epsilon(orders, count * rdp, delta)[0])


@lru_cache(maxsize=1024)
def _rdp_of_one(
    release: Release, orders: tuple[float, ...] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return orders and the Rényi divergences of one release, which add up."""
    library = _dp_accounting()
    relation = library.NeighboringRelation
    is_fixed = release.sampling == "fixed"
    accountant = library.rdp.RdpAccountant(
        orders, relation.REPLACE_ONE if is_fixed else relation.ADD_OR_REMOVE_ONE
    )
    accountant.compose(_event(release))
    return accountant.orders, accountant.rdp


def _pld_epsilon(release: Release, count: int, delta: float) -> float:
    rough = _epsilon(release, count, delta, "rdp", "improved")
    interval = FINE if rough <= LARGE_LOSS else COARSE
    if release.sampling_rate < 1:
        together = _pld_of_one(release, interval).self_compose(count)
        return float(together.get_epsilon_for_delta(delta))
    accountant = _dp_accounting().pld.PLDAccountant(
        value_discretization_interval=interval
    )
    accountant.compose(_event(release), count)
    return float(accountant.get_epsilon(delta))


@lru_cache(maxsize=32)
def _pld_of_one(release: Release, interval: float) -> Any:
    """Return the privacy loss distribution of one release on a Poisson sample.

    To make it takes longer than to compose it, and a run composes it in each round.
    """
    library = _dp_accounting().pld.privacy_loss_distribution
    return library.from_gaussian_mechanism(
        release.noise_multiplier,
        value_discretization_interval=interval,
        sampling_prob=release.sampling_rate,
    )


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
    if low < LEAST_NOISE:
        return high
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
    while spent(noise) > epsilon:
        noise *= factor
        require(noise < MOST_NOISE, "epsilon", epsilon, "larger: no noise spends less")
    while noise >= LEAST_NOISE and spent(noise / factor) <= epsilon:
        noise /= factor
    return noise / factor, noise


def _event(release: Release) -> Any:
    """Return dp-accounting's description of a release."""
    library, rate = _dp_accounting(), release.sampling_rate
    if release.sampling == "poisson":
        gaussian = library.GaussianDpEvent(release.noise_multiplier)
        return library.PoissonSampledDpEvent(rate, gaussian) if rate < 1 else gaussian
    gaussian = library.GaussianDpEvent(release.noise_multiplier / 2)
    if release.sampling == "none":
        return gaussian
    # Only the ratio of the two sizes counts.
    return library.SampledWithoutReplacementDpEvent(1.0, rate, gaussian)


@lru_cache(maxsize=1)
def _dp_accounting() -> ModuleType:
    """Import dp-accounting, which the core does not need."""
    try:
        library = importlib.import_module("dp_accounting")
        for part in ("pld", "rdp"):
            importlib.import_module(f"dp_accounting.{part}")
    except ImportError as error:
        raise ConfigError(
            "privacy: an epsilon needs dp-accounting, which is not installed: pip "
            "install 'fedrobust[dp]'"
        ) from error
    # It warns of each order that it leaves out, and the minimum over the rest is valid.
    logging.getLogger("absl").addFilter(_is_about_results)
    return library


def _is_about_results(record: logging.LogRecord) -> bool:
    return "Excluding this order" not in record.getMessage()
