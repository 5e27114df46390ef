"""What the runs of a sweep say about the training epsilon: as fields, and in words.

:mod:`fedrobust.report.epsilon.choice` fills the fields, and the sentences are written
from them alone. No sentence says that two trainings are equal: an interval that
includes 0 shows neither a difference nor that there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from fedrobust.report.epsilon import words
from fedrobust.report.epsilon.comparison import Comparison, Scored, percent
from fedrobust.report.epsilon.matrix import STANDARD, TrainingRow
from fedrobust.report.marks import NO_MARKS, Marks
from fedrobust.report.measures import short


class Kind(Enum):
    """What the runs allow to say."""

    CHOICE = "a training is recommended"
    CONTROL = "noise training is the best, and no other can be recommended"
    GUESSING = "the best is not above guessing by more than chance explains"
    FEW_SEEDS = "no other training has the seeds of the best, three or more"
    NOT_ATTACKED = "fewer than two trainings were attacked at this epsilon"


@dataclass(frozen=True)
class Advice:
    """A recommendation for a test epsilon, with its reasons.

    Attributes
    ----------
    at
        The test epsilon, as in result.json; None for the average over all.
    largest
        The largest test epsilon.
    kind
        What the runs allow to say.
    row
        The recommended training; None for every kind but CHOICE.
    best
        The row with the highest mean in the table, which may be noise; None for
        NOT_ATTACKED.
    tied
        Other rows with the same mean.
    guess
        The accuracy of guessing, if the best is not above it by more than chance.
    rival
        The best against the recommended row if that is another; otherwise the next
        row against the best.
    rival_clean
        Clean accuracy of the best against the recommended row, if that is another.
    clean, robust
        The recommended row against the reference, if that is another.
    has_standard
        Whether the reference is standard training.
    control
        Noise training against adversarial training at an equal training epsilon.
    uncontrolled
        An adversarial training at whose epsilon there is no noise training, though
        there is at others.
    uncompared
        Rows whose seeds do not allow to compare them with the best.
    marks
        The footnotes of the runs.
    """

    at: str | None
    largest: str
    kind: Kind
    row: TrainingRow | None = None
    best: Scored | None = None
    tied: Sequence[TrainingRow] = ()
    guess: float | None = None
    rival: Comparison | None = None
    rival_clean: Comparison | None = None
    clean: Comparison | None = None
    robust: Comparison | None = None
    has_standard: bool = True
    control: Comparison | None = None
    uncontrolled: TrainingRow | None = None
    uncompared: Sequence[TrainingRow] = ()
    marks: Marks = NO_MARKS

    @property
    def text(self) -> str:
        """The recommendation with its reasons."""
        up_to = f"ε = 0 to {short(self.largest)}"
        where = up_to if self.at is None else f"ε = {short(self.at)}"
        if self.best is None or self.rival is None:
            return f"For {where}: fewer than two trainings were attacked there."
        if self.kind is Kind.FEW_SEEDS:
            facts = [words.missing_seeds(self.rival), words.missing_images(self.rival)]
        else:
            # All that is compared has the seeds of the best row.
            where += f", over {len(self.best.score.by_seed)} seeds"
            facts = [*self._comparisons(), words.uncompared(self.uncompared)]
        sentences = [
            _choice(self, self.best, self.rival),
            words.tied(self.tied),
            "" if self.guess is None else words.guessing(self.best, self.guess),
            *facts,
            words.doubts([row for row in self._named() if row is not self.row]),
            words.marked(self._named(), self.marks),
        ]
        return f"For {where}: " + " ".join(filter(None, sentences))

    @property
    def is_unproven(self) -> bool:
        """Whether no interval shows the recommended row above standard training."""
        if self.row is None or not self.has_standard or self.row.kind == STANDARD:
            return False
        gain = None if self.robust is None else self.robust.difference
        return gain is None or not gain.is_decided or gain.value < 0

    def _named(self) -> list[TrainingRow]:
        """List the rows that the sentences name, each once."""
        best = None if self.best is None else self.best.row
        rows = [self.row, best, self.uncontrolled]
        for comparison in (self.rival, self.clean, self.control):
            if comparison is not None:
                rows += [comparison.row.row, comparison.other.row]
        rows += [*self.tied[: words.MOST_NAMES], *self.uncompared[: words.MOST_NAMES]]
        return [row for row in dict.fromkeys(rows) if row is not None]

    def _comparisons(self) -> Iterator[str]:
        """Compare the recommended row with the reference, and with the control."""
        if self.clean is not None and self.robust is not None:
            what = "average" if self.at is None else f"accuracy at {short(self.at)}"
            yield words.price(self.clean, self.robust, what, self.has_standard)
        elif self.row is not None and not self.has_standard:
            yield "Without a standard run, its cost is unknown."
        if self.uncontrolled is not None:
            yield words.no_control(self.uncontrolled)
        elif self.control is not None:
            yield words.control(self.control)


def _choice(advice: Advice, best: Scored, rival: Comparison) -> str:
    """Name the recommended row, the best one, and how far the rival is from it."""
    top = f"{'the control, ' if best.row.is_noise else ''}{best}"
    if advice.row is best.row:
        choice = f"{best.row.name}, the best in the table ({percent(best.score.value)})"
        compared = f"The next, {rival.row}, {rival.words()}."
        return f"{_recommended(advice, best.row, choice)} {compared}"
    if advice.row is not None:
        clean = advice.rival_clean
        price = f" Its clean accuracy {clean.words()}." if clean else ""
        return (
            f"{_recommended(advice, advice.row, str(rival.other))} "
            f"The best in the table, {top}, {rival.words()}.{price}"
        )
    if advice.kind is Kind.FEW_SEEDS:
        return (
            f"nothing is recommended yet. The best in the table is {top}, and the next "
            f"is {rival.row}."
        )
    which = "best of the others" if advice.kind is Kind.CONTROL else "next"
    return (
        f"nothing is recommended. The best in the table is {top}. The {which}, "
        f"{rival.row}, {rival.words()}."
    )


def _recommended(advice: Advice, row: TrainingRow, choice: str) -> str:
    """Recommend a row unless its checks failed; first what nothing shows about it."""
    if failed := row.group.failed_checks:
        return (
            f"nothing is recommended: it would be {choice}, but its checks failed: "
            f"{', '.join(failed)}."
        )
    if advice.is_unproven:
        return (
            f"nothing shows that {row.name} is above standard training. By the means "
            f"alone, choose {choice}."
        )
    return f"choose {choice}."
