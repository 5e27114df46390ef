"""The epsilon of equal releases, by the accountants of dp-accounting.

RDP adds up Rényi divergences and converts their sum to epsilon. PLD composes the
distribution of the privacy loss on a grid (Koskela, Jälkö, Honkela: Computing Tight
Differential Privacy Guarantees Using FFT, AISTATS 2020), which needs no conversion.
"""

import importlib
import logging
import math
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.errors import ConfigError
from fedrobust.privacy.release import Release
from strategies.validation import require

# The orders of TensorFlow Privacy's and Opacus's tables with the classic conversion.
CLASSIC_ORDERS = (*(1 + tenth / 10 for tenth in range(1, 100)), *range(12, 64))
# Grid of the privacy loss. The coarser one serves losses so large that its error, of
# about its width, says nothing; with the finer one these would take seconds. Beyond,
# the width grows with the loss. Every width gives an upper bound.
FINE, COARSE, LARGE_LOSS = 1e-4, 1e-3, 20.0
# Where RDP's epsilon is larger, the width would be too large for an exponential.
MOST_BY_PLD = 1e6
# What rounding may take off a Rényi divergence, or turn a small one to below 0, for
# which the library would claim an epsilon of 0.
ROUNDING = 1e-15


@lru_cache(maxsize=4096)
def library_epsilon(
    release: Release, count: int, delta: float, accountant: str, conversion: str
) -> float:
    """Return the epsilon of arguments that ``accounting.epsilon_spent`` has checked."""
    if accountant == "pld":
        return _pld_epsilon(release, count, delta)
    if conversion == "classic":
        orders, rdp = _rdp_of_one(release, CLASSIC_ORDERS)
        bounds = count * rdp - math.log(delta) / (orders - 1)
        return float(max(0.0, np.min(bounds)))
    orders, rdp = _rdp_of_one(release, None)
    library = _dp_accounting().rdp
    return float(library.compute_epsilon(orders, count * rdp, delta)[0])


@lru_cache(maxsize=1024)
def _rdp_of_one(
    release: Release, orders: tuple[float, ...] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return orders and the Rényi divergences of one release, which add up.

    A sample of fixed size is a mixture of releases with the one in question and without
    it, and a divergence of mixtures is at most the largest of their parts (van Erven,
    Harremoës: Rényi Divergence and Kullback-Leibler Divergence, IEEE Transactions on
    Information Theory 60(7), 2014, theorem 13). So it costs no more than a release that
    has the one in it for certain, below which the bound of amplification may not stay.
    """
    library = _dp_accounting()
    relation = library.NeighboringRelation
    is_fixed = release.sampling == "fixed"
    accountant = library.rdp.RdpAccountant(
        orders, relation.REPLACE_ONE if is_fixed else relation.ADD_OR_REMOVE_ONE
    )
    # Divergences of hardly any noise are infinite, which is what they should be.
    with np.errstate(divide="ignore", over="ignore"):
        accountant.compose(_event(release))
    found = np.maximum(accountant.rdp, ROUNDING)
    if not is_fixed:
        return accountant.orders, found
    _, certain = _rdp_of_one(release.unsampled, orders)
    return accountant.orders, np.minimum(found, certain)


def require_small(rough: float) -> None:
    """Raise ValueError for an epsilon by RDP beyond which PLD is not computed."""
    require(
        rough <= MOST_BY_PLD,
        "accountant",
        "pld",
        f"rdp for an epsilon as large as {rough:.4g}: pld is counted up to "
        f"{MOST_BY_PLD:g}",
    )


def _pld_epsilon(release: Release, count: int, delta: float) -> float:
    rough = library_epsilon(release, count, delta, "rdp", "improved")
    require_small(rough)
    interval = FINE
    if rough > LARGE_LOSS:
        interval = COARSE * max(1.0, rough / LARGE_LOSS)
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
