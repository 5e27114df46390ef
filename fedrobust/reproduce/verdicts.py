"""Verdicts: does our number agree with the published one? Rules fixed beforehand.

seeds     |ours - paper| <= max(1.5 points, 2.5 sd sqrt(1/n_paper + 1/n_ours)), where sd
          is the paper's, and both are means over seeds
single    the paper has one run: its number lies within our mean +- max(0.05, 2 sd), sd
          ours, over at least 3 seeds; with fewer it is only compared
compared  the paper gives no spread, or not all of its settings: never inside

Where the paper claims that one cell is above another, the two are compared seed by seed
(:mod:`fedrobust.report.scores`): the same seed is the same data and initial weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from fedrobust.report.scores import half_interval, paired_differences
from fedrobust.reproduce.definition import Cell, Ordering, Reproduction
from fedrobust.reproduce.published import Published

# The rules above, and what the numbers that each judges are multiplied by: its bounds
# are in points, or in shares.
RULES = {"seeds": 100.0, "single": 1.0, "compared": None}


def allowed(rule: str, paper: Published | None, ours: list[float]) -> float | None:
    """Say how far our mean may lie from the paper's number.

    Parameters
    ----------
    rule
        One of ``RULES``.
    paper
        The published number; None where it could not be read.
    ours
        Our numbers, one a seed.

    Returns
    -------
    In the unit of the numbers; None where the rule judges nothing.
    """
    if paper is None or not ours:
        return None
    if rule == "seeds" and paper.sd is not None and paper.n is not None:
        return max(1.5, 2.5 * paper.sd * sqrt(1 / paper.n + 1 / len(ours)))
    if rule == "single" and len(ours) >= 3:
        return max(0.05, 2 * stdev(ours))
    return None


def verdict(rule: str, paper: Published | None, ours: list[float]) -> str:
    """Judge a cell: not run, inside, outside, compared, or ours alone.

    The parameters are those of ``allowed``.
    """
    if not ours:
        return "not run"
    if paper is None:
        return "ours alone"
    limit = allowed(rule, paper, ours)
    if limit is None:
        return "compared"
    # What is written with two digits is not judged by the sixteenth.
    distance = abs(fmean(ours) - paper.value)
    return "inside" if distance <= limit + 1e-9 else "outside"


@dataclass(frozen=True)
class Comparison:
    """One pair of cells of a claim, by their values in our runs.

    Attributes
    ----------
    higher, lower
        As the paper has them.
    difference
        The mean over the seeds that both have; None where they share none.
    margin
        Half of its 95 % interval over seeds; None of fewer than two.
    num_seeds
        That both have.
    why_unlike
        Why one of them is another setting than the paper's; such a pair is not judged.
    """

    higher: Cell
    lower: Cell
    difference: float | None
    margin: float | None
    num_seeds: int
    why_unlike: str = ""

    @property
    def word(self) -> str:
        """Not run; compared; holds; or does not, with a difference of other sign."""
        if self.difference is None:
            return "not run"
        if self.why_unlike:
            return "compared"
        return "holds" if self.difference > 0 else "does not hold"

    @property
    def doubt(self) -> str:
        """Why chance could have made the difference; nothing where it is clear.

        Two seeds that happen to differ alike would leave an interval of nothing.
        """
        if self.difference is None or self.why_unlike:
            return ""
        if self.margin is None or self.num_seeds < 3:
            return "one seed" if self.num_seeds == 1 else "two seeds"
        return "within chance" if abs(self.difference) <= self.margin else ""

    @property
    def verdict(self) -> str:
        """The word, and the doubt or why it is not judged."""
        if self.word == "compared":
            return f"compared ({self.why_unlike})"
        return f"{self.word}, {self.doubt}" if self.doubt else self.word


def compare(
    reproduction: Reproduction,
    ordering: Ordering,
    numbers: Mapping[Cell, Mapping[int, float]],
) -> list[Comparison]:
    """Hold a claim against our numbers, for each pair of cells it speaks of.

    A pair are cells that agree in every column in which the two sides do; the numbers
    are those of each cell by seed.
    """
    asked = set(ordering.higher) | set(ordering.lower)
    varied = {c for c in asked if ordering.higher.get(c) != ordering.lower.get(c)}
    fixed = [i for i, c in enumerate(reproduction.columns) if c not in varied]
    lows = list(reproduction.matching(ordering.lower))
    pairs = []
    for high in reproduction.matching(ordering.higher):
        for low in lows:
            if high != low and all(high[i] == low[i] for i in fixed):
                why = reproduction.why_unlike(high) or reproduction.why_unlike(low)
                pairs.append(_compared(high, low, numbers, why))
    return pairs


def _compared(
    high: Cell,
    low: Cell,
    numbers: Mapping[Cell, Mapping[int, float]],
    why_unlike: str,
) -> Comparison:
    found = paired_differences(numbers.get(high, {}), numbers.get(low, {}))
    difference = fmean(found) if found else None
    margin = half_interval(found) if len(found) > 1 else None
    return Comparison(high, low, difference, margin, len(found), why_unlike)
