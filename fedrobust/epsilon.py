"""Epsilon: the radius of the ball an adversary may move an input in."""

import math

from strategies.parameters import require

# An epsilon as a user may write it; a text is a fraction such as "8/255".
Epsilon = int | float | str


def fraction(text: str) -> float:
    """Read ``"0.1"``, ``"8/255"`` or ``"8.0 / 255"``.

    Raises
    ------
    ValueError, ZeroDivisionError
        When it is something else.
    """
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(above)


def parse_epsilon(value: Epsilon) -> float:
    """Read an epsilon: a number or a fraction such as ``"8/255"``.

    Raises
    ------
    ValueError
        When it is neither, not finite or below 0.
    """
    try:
        number = fraction(value) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        number = math.nan
    require(
        not isinstance(value, bool) and math.isfinite(number) and number >= 0,
        "epsilon",
        value,
        "a number of at least 0 or a fraction such as 8/255",
    )
    return number
