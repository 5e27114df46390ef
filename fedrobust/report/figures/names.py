"""Columns of a frame by the names that somebody typed, and the rows with a value."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fedrobust.errors import ConfigError, nearest
from fedrobust.report.figures.axes import ordered
from fedrobust.report.frame import EPSILON, IDENTITY, ROUND


def column(
    name: str, frame: pd.DataFrame, keys: Sequence[str], option: str, measures: bool
) -> str:
    """Return a column of the frame by its name, or by the end of its name."""
    known = [
        str(c) for c in frame.columns
        if c not in IDENTITY and (c in keys or measures)
    ]  # fmt: skip
    if name in known:
        return name
    # An end begins with a word: "1" is no end of "robust_accuracy.pgd.0.1".
    ending = [each for each in known if each.endswith(f".{name}")]
    ending = ending if name[:1].isalpha() else []
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise ConfigError(
            f"{option} {name}: {', '.join(ending[:-1])} and {ending[-1]} end so, write "
            "one of them in full"
        )
    what = "varies or was measured" if measures else "varies"
    special = [ROUND, EPSILON] if option == "--x" else []
    raise ConfigError(
        f"{option} {name}: nothing of this name {what} in these runs, "
        f"{nearest(name, [*known, *special])}"
    )


def rows_where(
    frame: pd.DataFrame, keys: Sequence[str], where: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the rows with the values of some keys, and the full names of the keys."""
    fixed = {}
    for name, value in where.items():
        key = column(name, frame, keys, "--where", measures=False)
        texts = frame[key].astype(str)
        if value not in set(texts):
            raise ConfigError(
                f"--where {name}={value}: no run has this value, "
                f"{nearest(value, ordered(key, texts))}"
            )
        frame = frame[texts == value]
        fixed[key] = value
    return frame, fixed
