"""Epsilon: the radius of the ball in which an adversary may move an input."""

import math

from strategies.validation import require

# An epsilon as a user may write it; a string is a fraction such as "8/255".
Epsilon = int | float | str


def fraction(text: str) -> float:
    """Return the value of ``"0.1"``, ``"8/255"`` or ``"8.0 / 255"``.

    Raises
    ------
    ValueError, ZeroDivisionError
        When the text is neither a number nor a fraction.
    """
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(above)


def parse_epsilon(value: Epsilon) -> float:
    """Return the value of an epsilon, a number or a fraction such as ``"8/255"``.

    Raises
    ------
    ValueError
        When it is neither, or is not finite, or is below 0.
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


def too_wide(
    key: str, epsilon: float, norm: str, num_values: int | None, width: float = 1.0
) -> list[str]:
    """Return a warning if the ball of any input contains all inputs.

    Parameters
    ----------
    key
        The user's name of the epsilon.
    epsilon
        Radius in input units.
    norm
        ``linf`` or ``l2``.
    num_values
        Number of values of one input; None if unknown.
    width
        Width of the range of each value.

    Returns
    -------
    A list of one sentence, or an empty list.
    """
    if norm == "l2":
        width *= math.inf if num_values is None else math.sqrt(num_values)
    if epsilon <= width:
        return []
    return [
        f"{key}={epsilon:.4g} is wider than the range of inputs, {width:.4g} in the "
        f"norm {norm}: write {epsilon:.4g}/255 if it is meant in steps of 0 to 255"
    ]
