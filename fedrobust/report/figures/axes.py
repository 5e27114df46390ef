"""What a figure puts on its axes: a measure over a key, by hue and by panel.

fedrobust report FOLDER --x KEY --y MEASURE --hue KEY --facet KEY --where KEY=VALUE
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from fedrobust.epsilon import fraction
from fedrobust.report.labels import NO_VALUE
from fedrobust.report.measures import Measure
from fedrobust.report.order import rank
from fedrobust.report.style import PALETTE

CLEAN, ROBUST = "clean_accuracy", "robust_accuracy"


@dataclass(frozen=True)
class Axes:
    """The axes of a figure, by name; None where nothing was chosen."""

    x: str | None = None
    y: str | None = None
    hue: str | None = None
    facet: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> list[str]:
        """Return the options of ``fedrobust report`` that draw these axes."""
        named = {"x": self.x, "y": self.y, "hue": self.hue, "facet": self.facet}
        chosen = [word for k, v in named.items() if v for word in (f"--{k}", v)]
        fixed = [w for k, v in self.where.items() for w in ("--where", f"{k}={v}")]
        return [*chosen, *fixed]


@dataclass(frozen=True)
class Data:
    """The numbers of a figure.

    Attributes
    ----------
    axes
        The axes, all chosen.
    measure
        How the measure of the y axis is shown.
    frame
        Rows with ``x``, ``y``, ``hue``, ``facet``, ``seed``, ``digest``, ``marks``, and
        ``experiment``, which runs share that differ only in their seed; x is numeric if
        ``is_numeric``.
    is_numeric
        Whether the x axis is a scale and not a list of names.
    x_label
        What stands at the x axis.
    every_hue
        All values of the hue in the folder, drawn or not, the baseline first.
    """

    axes: Axes
    measure: Measure
    frame: pd.DataFrame
    is_numeric: bool
    x_label: str
    every_hue: Sequence[str] = ()

    @property
    def hues(self) -> list[str]:
        """The values of the hue, the baseline first."""
        return ordered(self.axes.hue or "", self.frame["hue"])

    def number(self, hue: str) -> int:
        """Return the number of a hue's colour, which is the same in all figures.

        With more hues than colours, those drawn are told apart instead.
        """
        few = hue in self.every_hue and len(self.every_hue) <= len(PALETTE)
        return [*(self.every_hue if few else self.hues)].index(hue)

    @property
    def facets(self) -> list[str]:
        """The values of the facet, the baseline first."""
        return ordered(self.axes.facet or "", self.frame["facet"])


def ordered(key: str, values: Iterable[object]) -> list[str]:
    """Return different values, the default of conf/ first, then numbers, then names."""
    return sorted({*map(str, values)}, key=lambda value: rank(key, value))


def as_numbers(values: pd.Series) -> pd.Series | None:
    """Return values as numbers, fractions included; None if one is a name.

    A run that has no such value, such as the epsilon of standard training, has nan, and
    so has one with infinity, for which a scale has no place.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    found: dict[str, float] = {}
    for text in map(str, values.unique()):
        try:
            number = math.nan if text in NO_VALUE else fraction(text)
            found[text] = math.nan if math.isinf(number) else number
        except (ValueError, ZeroDivisionError):
            return None
    numbers = [number for number in found.values() if not math.isnan(number)]
    if len(numbers) < 2:
        return None
    return values.astype(str).map(found).astype(float)
