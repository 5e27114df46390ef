"""Verdicts: does our number agree with the published one? Rules fixed beforehand.

seeds     |ours - paper| <= max(1.5 points, 2.5 sd sqrt(1/n_paper + 1/n_ours)), where sd
          is the paper's, and both are means over seeds
single    the paper has one run: its number lies within our mean +- max(0.05, 2 sd), sd
          ours, over at least 3 seeds; with fewer it is only compared
compared  the paper gives no spread, or not all of its settings: never inside
"""

import csv
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from fedrobust.reproduce.definition import Cell, Ordering, Reproduction


@dataclass(frozen=True)
class Published:
    """A number of the paper, its standard deviation and how many runs it is of."""

    value: float
    sd: float | None = None
    n: int | None = None


def verdict(rule: str, paper: Published | None, ours: list[float]) -> str:
    """Judge a cell: not run, inside, outside, compared, or ours alone.

    Parameters
    ----------
    rule
        One of ``fedrobust.reproduce.definition.RULES``.
    paper
        The published number; None where it could not be read.
    ours
        Our numbers, one a seed.
    """
    if not ours:
        return "not run"
    if paper is None:
        return "ours alone"
    distance = abs(fmean(ours) - paper.value)
    if rule == "seeds" and paper.sd is not None and paper.n is not None:
        allowed = max(1.5, 2.5 * paper.sd * sqrt(1 / paper.n + 1 / len(ours)))
    elif rule == "single" and len(ours) >= 3:
        allowed = max(0.05, 2 * stdev(ours))
    else:
        return "compared"
    # What is written with two digits is not judged by the sixteenth.
    return "inside" if distance <= allowed + 1e-9 else "outside"


def read_published(reproduction: Reproduction) -> dict[tuple[Cell, str], Published]:
    """Read published.csv: the number of each cell and measure.

    A row has the columns of a cell, ``measure``, ``value``, ``sd``, ``n``, ``source``;
    that of a claim has ``claim`` and ``source``, and no value.
    """
    path = reproduction.folder / "published.csv"
    found = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("claim"):
                continue
            cell = tuple(row[column] for column in reproduction.columns)
            found[cell, row["measure"]] = Published(
                float(row["value"]),
                float(row["sd"]) if row["sd"] else None,
                int(row["n"]) if row["n"] else None,
            )
    return found


@dataclass(frozen=True)
class Comparison:
    """One pair of cells of a claim, by their values in our runs."""

    higher: Cell
    lower: Cell
    difference: float | None
    error: float | None

    @property
    def verdict(self) -> str:
        """Not run; holds; or does not, where the difference has the other sign."""
        if self.difference is None:
            return "not run"
        word = "holds" if self.difference > 0 else "does not hold"
        if self.error is None:
            return f"{word}, one seed"
        if abs(self.difference) < 2 * self.error:
            return f"{word}, within two standard errors"
        return word


def compare(
    reproduction: Reproduction,
    ordering: Ordering,
    numbers: dict[Cell, list[float]],
) -> list[Comparison]:
    """Hold a claim against our numbers, for each pair of cells it speaks of.

    A pair are cells that agree in every column in which the two sides do.
    """
    asked = set(ordering.higher) | set(ordering.lower)
    varied = {c for c in asked if ordering.higher.get(c) != ordering.lower.get(c)}
    fixed = [i for i, c in enumerate(reproduction.columns) if c not in varied]
    lows = list(reproduction.matching(ordering.lower))
    pairs = []
    for high in reproduction.matching(ordering.higher):
        for low in lows:
            if high != low and all(high[i] == low[i] for i in fixed):
                pairs.append(_compared(high, low, numbers))
    return pairs


def _compared(high: Cell, low: Cell, numbers: dict[Cell, list[float]]) -> Comparison:
    a, b = numbers.get(high, []), numbers.get(low, [])
    if not a or not b:
        return Comparison(high, low, None, None)
    error = None
    if len(a) > 1 and len(b) > 1:
        error = sqrt(stdev(a) ** 2 / len(a) + stdev(b) ** 2 / len(b))
    return Comparison(high, low, fmean(a) - fmean(b), error)
