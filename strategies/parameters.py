"""Range checks shared by everything that takes hyper-parameters."""

import math
from typing import Any

# The most examples a client may declare, unless the user says otherwise.
MAX_EXAMPLES = 10**7


def require(condition: bool, name: str, value: Any, bound: str) -> None:
    """Refuse a parameter outside its range with one sentence.

    Raises
    ------
    ValueError
        ``<name>=<value>: must be <bound>``.
    """
    if not condition:
        raise ValueError(f"{name}={value!r}: must be {bound}")


def require_between(
    name: str, value: float, low: float, high: float = math.inf
) -> None:
    """Refuse a number that is not finite or not in the closed range [low, high]."""
    bound = f"at least {low}" if high == math.inf else f"in [{low}, {high}]"
    require(math.isfinite(value) and low <= value <= high, name, value, bound)


def require_positive(name: str, value: float) -> None:
    """Refuse a number that is not finite or not above zero."""
    require(math.isfinite(value) and value > 0, name, value, "above 0")
