"""The number of a run that is compared with the paper's: which, when, in which unit."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from statistics import fmean

from fedrobust.errors import ConfigError
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from strategies.validation import require

# The numbers that are recorded in every round.
BY_ROUND = ("clean", "precision", "recall")
# The numbers of result.privacy, which have no upper bound.
SPENT = ("epsilon", "epsilon_classic")


@dataclass(frozen=True)
class Measure:
    """A number of a run that is compared with the paper's.

    Attributes
    ----------
    of
        ``clean`` for the clean accuracy; an evasion attack and its epsilon for a robust
        accuracy, such as ``pgd/0.3`` (a single epsilon may be left out); ``precision``
        or ``recall`` of the clients that the rule excludes, against the Byzantine ones;
        ``epsilon`` that the run spent, or ``epsilon_classic`` by the conversion that
        older accountants used.
    over
        ``final`` is the value after the last round, ``last 5`` the mean of the last
        five evaluations, ``best from 3`` the maximum from round 3 on and ``mean from
        3`` the mean from round 3 on.
    scale
        The factor for values in [0, 1], such as 100 for percent.
    verdict
        The rule that judges this number; None means that of the reproduction.
    """

    of: str = "clean"
    over: str = "final"
    scale: float = 1.0
    verdict: str | None = None

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
            f"final, as {self.of} is not recorded in every round",
        )
        require(
            self.over != "final" or self.of not in BY_ROUND[1:],
            "over",
            self.over,
            f"last n, best from r or mean from r, as each round has a {self.of}",
        )

    @property
    def may_lack(self) -> bool:
        """Whether runs may lack the number, as those without any detection do."""
        return self.of in (*BY_ROUND[1:], *SPENT)

    @property
    def most(self) -> float:
        """The greatest value of the number."""
        return inf if self.of in SPENT else self.scale

    def check(self, attacks: Collection[str], epsilons: Collection[float]) -> None:
        """Raise ValueError if runs with these attacks do not have the number."""
        if self.of in BY_ROUND or self.of in SPENT:
            return
        attack, _, epsilon = self.of.partition("/")
        known = attack in attacks and (
            epsilon in map(repr, epsilons) if epsilon else len(epsilons) == 1
        )
        require(
            known,
            "of",
            self.of,
            f"an attack of the runs ({', '.join(attacks) or 'they have none'}), "
            f"followed by one of several epsilons, as in {self.of}/0.3",
        )


def measured(measure: Measure, folder: RunFolder, result: Result) -> float | None:
    """Return the measured number of a finished run; None if the run has none.

    Parameters
    ----------
    measure
        The number to read.
    folder, result
        The folder and the result of the run.

    Raises
    ------
    ConfigError
        When the run evaluated other rounds than the experiment does now.
    """
    if measure.of in SPENT:
        spent = (result.privacy or {}).get(measure.of)
        return None if spent is None else measure.scale * float(spent)
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
    evaluated = filter(folder.config.is_evaluated, numbers)
    if measure.of == "clean" and [*series] != [*evaluated]:
        raise ConfigError(
            f"{folder.path} was not trained with evaluation.every="
            f"{folder.config.evaluation.every}, and {measure.over} needs the rounds "
            "that it evaluates: remove the folder to train the run again"
        )
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
