"""Epsilon: the radius of the ball an adversary may move an input in."""

import math

from strategies.validation import require

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


def too_wide(
    key: str, epsilon: float, norm: str, num_values: int | None, width: float = 1.0
) -> list[str]:
    """Warn of an epsilon that reaches every input there is from every other.

    Parameters
    ----------
    key
        What the user calls it.
    epsilon
        In input units.
    norm
        "linf" or "l2".
    num_values
        Values of one input; None where that is not known.
    width
        Of the range of each value.

    Returns
    -------
    One sentence, or none.
    """
    if norm == "l2":
        width *= math.inf if num_values is None else math.sqrt(num_values)
    if epsilon <= width:
        return []
    return [
        f"{key}={epsilon:.4g} is wider than the range of inputs, {width:.4g} in the "
        f"norm {norm}: write {epsilon:.4g}/255 if it is meant in steps of 0 to 255"
    ]
