"""What a run is held to: which of its numbers, of which rounds, in which unit."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from statistics import fmean

from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from strategies.validation import require

# What is kept for every round.
BY_ROUND = ("clean", "precision", "recall")


@dataclass(frozen=True)
class Measure:
    """A number that a run is held to.

    Attributes
    ----------
    of
        ``clean``; an evasion attack and its epsilon, as ``pgd/0.3``, where the epsilon
        may be left out if there is one only; or ``precision`` or ``recall`` of whom the
        rule leaves out.
    over
        ``final``: of the last round; ``last 5``: the mean of the last five evaluations;
        ``best from 3``: the best from the third round on; ``mean from 3``.
    scale
        What an accuracy in [0, 1] is multiplied by.
    """

    of: str = "clean"
    over: str = "final"
    scale: float = 1.0

    def __post_init__(self) -> None:
        known = re.fullmatch(r"final|(last|best from|mean from) \d+", self.over)
        require(
            known is not None,
            "over",
            self.over,
            "final, last n, best from r or mean from r",
        )
        require(
            self.over == "final" or self.of in BY_ROUND,
            "over",
            self.over,
            f"final, as {self.of} is not kept for every round",
        )
        require(
            self.over != "final" or self.of not in BY_ROUND[1:],
            "over",
            self.over,
            f"last n, best from r or mean from r, as {self.of} is of each round",
        )

    @property
    def may_lack(self) -> bool:
        """Whether some runs have no such number: those in which nobody is detected."""
        return self.of in BY_ROUND[1:]

    def check(self, attacks: Collection[str], epsilons: Collection[float]) -> None:
        """Raise ValueError where runs with these attacks have no such number."""
        if self.of in BY_ROUND:
            return
        attack, _, epsilon = self.of.partition("/")
        known = attack in attacks and (
            epsilon in map(repr, epsilons) if epsilon else len(epsilons) == 1
        )
        require(
            known,
            "of",
            self.of,
            f"an attack of the runs, {', '.join(attacks) or 'which have none'}; of "
            f"several epsilons one, as in {self.of}/0.3",
        )


def measured(measure: Measure, folder: RunFolder, result: Result) -> float | None:
    """Read what a finished run is held to; None where it has no such number.

    Parameters
    ----------
    measure
        What to read.
    folder, result
        Of the run.
    """
    if measure.over == "final" and measure.of != "clean":
        attack, _, epsilon = measure.of.partition("/")
        curve = result.robust_accuracy[attack]
        if not epsilon:
            (epsilon,) = curve
        return measure.scale * float(curve[epsilon])
    if measure.over == "final":
        return measure.scale * float(result.clean_accuracy)
    over, _, number = measure.over.rpartition(" ")
    numbers = {row.round: _number(measure.of, row) for row in folder.rounds()}
    series = {round: x for round, x in numbers.items() if x is not None}
    if over == "last":
        kept = list(series.values())[-int(number) :]
    else:
        kept = [x for round, x in series.items() if round >= int(number)]
    if not kept:
        return None
    return measure.scale * (max(kept) if over == "best from" else fmean(kept))


def _number(name: str, row: RoundRow) -> float | None:
    if name == "clean":
        return row.clean_accuracy
    if row.detection is None:
        return None
    return row.detection.precision if name == "precision" else row.detection.recall
