"""Whether our number agrees with the published one, by rules fixed beforehand.

seeds     inside if |ours - paper| <= max(1.5 points, 2.5 sd sqrt(1/n_paper +
          1/n_ours)), where both numbers are means over seeds and sd is the paper's
single    the paper has one run; inside if its number lies within our mean
          +- max(0.05, 2 sd), where sd is ours over at least 3 seeds; with fewer seeds
          the cell is only compared
printed   inside if our mean rounds to the paper's number, which has two decimals
compared  the paper gives no spread, or not all of its settings; never inside

Where the paper claims that one cell is above another, the two are compared seed by seed
(:mod:`fedrobust.report.scores`), as runs of one seed share data and initial weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from fedrobust.report.scores import half_interval, paired_differences
from fedrobust.reproduce.definition import Cell, Ordering, Reproduction
from fedrobust.reproduce.published import Published

# The rules, each with the scale of its numbers, as its bounds are in percentage points
# (100) or in shares (1).
RULES = {"seeds": 100.0, "single": 1.0, "printed": 1.0, "compared": None}


def allowed(rule: str, paper: Published | None, ours: list[float]) -> float | None:
    """Return how far our mean may lie from the paper's number.

    Parameters
    ----------
    rule
        One of ``RULES``.
    paper
        The published number; None if it could not be read.
    ours
        Our numbers, one for each seed.

    Returns
    -------
    The distance, in the unit of the numbers; None if the rule does not judge the cell.
    """
    if paper is None or not ours:
        return None
    if rule == "seeds" and paper.sd is not None and paper.n is not None:
        return max(1.5, 2.5 * paper.sd * sqrt(1 / paper.n + 1 / len(ours)))
    if rule == "single" and len(ours) >= 3:
        return max(0.05, 2 * stdev(ours))
    return 0.005 if rule == "printed" else None


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
    # Published numbers have few digits: rounding errors must not decide.
    distance = abs(fmean(ours) - paper.value)
    return "inside" if distance <= limit + 1e-9 else "outside"


@dataclass(frozen=True)
class Comparison:
    """A pair of cells that a claim compares, with the difference in our runs.

    Attributes
    ----------
    higher, lower
        The cells that the paper claims to be higher and lower.
    difference
        The mean over the seeds that both have; None if they share no seed.
    margin
        Half the width of its 95 % interval; None for fewer than two seeds.
    num_seeds
        The number of seeds that both have.
    why_unlike
        Why the setting of one cell differs from the paper's, in which case the pair is
        not judged; else empty.
    """

    higher: Cell
    lower: Cell
    difference: float | None
    margin: float | None
    num_seeds: int
    why_unlike: str = ""

    @property
    def word(self) -> str:
        """The outcome: ``not run``, ``compared``, ``holds`` or ``does not hold``."""
        if self.difference is None:
            return "not run"
        if self.why_unlike:
            return "compared"
        return "holds" if self.difference > 0 else "does not hold"

    @property
    def doubt(self) -> str:
        """Why the difference may be chance; empty if it is not.

        Two seeds are too few, as two equal differences would give an interval of width
        zero.
        """
        if self.difference is None or self.why_unlike:
            return ""
        if self.margin is None or self.num_seeds < 3:
            return "one seed" if self.num_seeds == 1 else "two seeds"
        return "within chance" if abs(self.difference) <= self.margin else ""

    @property
    def verdict(self) -> str:
        """The outcome with the doubt, or with the reason why it is not judged."""
        if self.word == "compared":
            return f"compared ({self.why_unlike})"
        return f"{self.word}, {self.doubt}" if self.doubt else self.word


def compare(
    reproduction: Reproduction,
    ordering: Ordering,
    numbers: Mapping[Cell, Mapping[int, float]],
) -> list[Comparison]:
    """Compare a claim with our numbers, for each pair of cells that it orders.

    Two cells are a pair if they agree in each column in which both sides of the claim
    agree. ``numbers`` are by cell and seed.
    """
    columns = set(ordering.higher) | set(ordering.lower)
    varied = {c for c in columns if ordering.higher.get(c) != ordering.lower.get(c)}
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
    by_seed = paired_differences(numbers.get(high, {}), numbers.get(low, {}))
    difference = fmean(by_seed) if by_seed else None
    margin = half_interval(by_seed) if len(by_seed) > 1 else None
    return Comparison(high, low, difference, margin, len(by_seed), why_unlike)
