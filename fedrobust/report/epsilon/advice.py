"""What the runs of a sweep say about the training epsilon: as fields, and in words.

:mod:`fedrobust.report.epsilon.choice` fills the fields, and the sentences are written
from them alone. No sentence says that two trainings are equal: an interval that
includes 0 shows neither a difference nor that there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from fedrobust.report.epsilon.comparison import (
    Comparison,
    Scored,
    listed,
    percent,
    points,
)
from fedrobust.report.epsilon.matrix import TrainingRow, short
from fedrobust.report.scores import ENOUGH_SEEDS

MOST_NAMES = 3


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

    @property
    def text(self) -> str:
        """The recommendation with its reasons."""
        up_to = f"ε = 0 to {short(self.largest)}"
        where = up_to if self.at is None else f"ε = {short(self.at)}"
        return f"For {where}{_seeds(self)}: " + " ".join(filter(None, _sentences(self)))


def _seeds(advice: Advice) -> str:
    """Write how many seeds there are, which all that is compared has in common."""
    is_compared = advice.kind not in (Kind.FEW_SEEDS, Kind.NOT_ATTACKED)
    if advice.best is None or not is_compared:
        return ""
    return f", over {len(advice.best.score.by_seed)} seeds"


def _sentences(advice: Advice) -> list[str]:
    best, rival = advice.best, advice.rival
    if best is None or rival is None:
        return ["fewer than two trainings were attacked there."]
    decisive = [_missing(rival), _images(rival)]
    if advice.kind is not Kind.FEW_SEEDS:
        decisive = [_price(advice), _control(advice), _uncompared(advice)]
    named = [row for row in (advice.row, best.row) if row is not None]
    return [
        _choice(advice, best, rival),
        _tied(advice),
        _guess(advice, best),
        *decisive,
        *map(_doubt, dict.fromkeys(named)),
    ]


def _choice(advice: Advice, best: Scored, rival: Comparison) -> str:
    """Name the recommended row, the best one, and how far the rival is from it."""
    top = f"{'the control, ' if best.row.is_noise else ''}{best}"
    if advice.row is best.row:
        return (
            f"choose {best.row.name}, the best in the table "
            f"({percent(best.score.value)}). The next, {rival.row}, {rival.words()}."
        )
    if advice.row is not None:
        clean = advice.rival_clean
        price = f" Its clean accuracy {clean.words()}." if clean else ""
        return (
            f"choose {rival.other}. "
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


def _tied(advice: Advice) -> str:
    names = _names(advice.tied)
    return f"The table has the same mean for {names}." if names else ""


def _guess(advice: Advice, best: Scored) -> str:
    """Write that the best row may be no better than guessing, where it may."""
    if advice.guess is None:
        return ""
    guessing = f"guessing ({percent(advice.guess)})" if advice.guess else "0.0 %"
    if best.score.value <= advice.guess:
        return f"The accuracy of {best.row.name} is not above {guessing}."
    return f"Chance can explain that {best.row.name} is above {guessing}."


def _missing(rival: Comparison) -> str:
    """Name the seeds that a recommendation takes."""
    seeds = ",".join(map(str, range(ENOUGH_SEEDS)))
    return (
        f"A recommendation takes at least {ENOUGH_SEEDS} seeds, the same for every "
        f"training (such as seed={seeds}), as fewer do not show how training varies. "
        f"The best has {rival.other.seeds}, and the next has {rival.row.seeds}."
    )


def _images(rival: Comparison) -> str:
    """Name the number of test images below which no number of seeds would decide."""
    if rival.images_to_decide is None:
        return ""
    return (
        f"The two are {points(rival.gap)} apart, and the choice of "
        f"{rival.other.row.num_images:,} test images explains up to "
        f"{points(rival.image_margin)}; that of {rival.images_to_decide:,} would "
        "explain no more than the gap."
    )


def _price(advice: Advice) -> str:
    """Compare the recommended row with the reference."""
    clean, robust = advice.clean, advice.robust
    if clean is None or robust is None:
        is_unknown = advice.row is not None and not advice.has_standard
        return "Without a standard run, its cost is unknown." if is_unknown else ""
    against = f"Against {clean.other.row.name}"
    if not advice.has_standard:
        against += ", as there is no standard run"
    where = "average" if advice.at is None else f"accuracy at {short(advice.at)}"
    return (
        f"{against}, the clean accuracy of {clean.row.row.name} {clean.words()}, "
        f"and its {where} {robust.words()}."
    )


def _control(advice: Advice) -> str:
    """Compare adversarial training with noise training."""
    if advice.uncontrolled is not None:
        name = advice.uncontrolled.name
        return f"There is no noise training at the same ε to compare {name} with."
    control = advice.control
    if control is None:
        return ""
    return f"The control, {control.row}, {control.words(than=str(control.other))}."


def _uncompared(advice: Advice) -> str:
    names = _names(advice.uncompared)
    return f"Not compared, as the seeds differ from the best's: {names}." * bool(names)


def _doubt(row: TrainingRow) -> str:
    """Name the checks that a row failed."""
    failed = ", ".join(row.group.failed_checks)
    text = f"FAILED checks of {row.name}: {failed}; its numbers cannot be believed."
    return text if failed else ""


def _names(rows: Sequence[TrainingRow]) -> str:
    names = [row.name for row in rows[:MOST_NAMES]]
    if len(rows) > MOST_NAMES:
        names.append(f"{len(rows) - MOST_NAMES} more")
    return listed(names)
