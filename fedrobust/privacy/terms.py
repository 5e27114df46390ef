"""The terms of an accounting, and the values that the accountants are tested with."""

import math

from strategies.validation import require, require_kind

# Names of accountants, all of them dp-accounting's.
ACCOUNTANTS = ("rdp", "pld")
# Below, the mass that PLD cuts off the tails of the privacy loss, about 1e-15, and the
# rounding of its Fourier transforms would show.
LEAST_PLD_DELTA = 1e-10
# Smaller epsilons are in the error of both accountants, and larger ones bound nothing.
LEAST_TARGET, MOST_TARGET = 1e-3, 1e5
# More releases than any run has.
MOST_STEPS = 10**9


def require_delta(delta: float, accountant: str, name: str = "delta") -> None:
    """Raise ValueError for a delta that an accountant cannot be asked about."""
    require_kind(name, delta, float)
    require(0 < delta < 1, name, delta, "above 0 and below 1")
    require(
        accountant != "pld" or delta >= LEAST_PLD_DELTA,
        name,
        delta,
        f"at least {LEAST_PLD_DELTA:g} with accountant=pld, or use accountant=rdp",
    )


def require_target(name: str, epsilon: float, or_infinite: bool = True) -> None:
    """Raise ValueError for an epsilon that no noise is looked for."""
    require_kind(name, epsilon, float, finite=False)
    is_valid = LEAST_TARGET <= epsilon <= MOST_TARGET
    bound = f"in [{LEAST_TARGET}, {MOST_TARGET:g}]"
    if or_infinite:
        is_valid, bound = is_valid or epsilon == math.inf, f"{bound}, or inf"
    require(is_valid, name, epsilon, bound)


def require_steps(name: str, steps: int, least: int = 0) -> None:
    """Raise ValueError for a number of releases that is none, or out of range."""
    require_kind(name, steps, int)
    require(
        least <= steps <= MOST_STEPS,
        name,
        steps,
        f"an integer in [{least}, {MOST_STEPS:g}]",
    )
