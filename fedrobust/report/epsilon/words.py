"""The sentences about a recommendation; empty where there is nothing to say."""

from collections.abc import Sequence

from fedrobust.report.epsilon.comparison import (
    Comparison,
    Scored,
    listed,
    percent,
    points,
)
from fedrobust.report.epsilon.matrix import TrainingRow
from fedrobust.report.marks import Marks, raised
from fedrobust.report.scores import ENOUGH_SEEDS

MOST_NAMES = 3


def tied(rows: Sequence[TrainingRow]) -> str:
    """Name the rows whose mean is that of the best."""
    return f"The table has the same mean for {_names(rows)}." if rows else ""


def guessing(best: Scored, share: float) -> str:
    """Write that the best row is not above guessing, or may not be."""
    # A share of 0 means that the number of classes is unknown.
    guess = f"guessing ({percent(share)})" if share else "0.0 %"
    if best.score.value <= share:
        return f"The accuracy of {best.row.name} is not above {guess}."
    return f"Chance can explain that {best.row.name} is above {guess}."


def missing_seeds(rival: Comparison) -> str:
    """Name the seeds that a recommendation takes, and those that there are."""
    seeds = ",".join(map(str, range(ENOUGH_SEEDS)))
    return (
        f"A recommendation takes at least {ENOUGH_SEEDS} seeds, the same for every "
        f"training (such as seed={seeds}), as fewer do not show how training varies. "
        f"The best has {rival.other.seeds}, and the next has {rival.row.seeds}."
    )


def missing_images(rival: Comparison) -> str:
    """Name the number of test images below which no number of seeds would decide."""
    if rival.images_to_decide is None:
        return ""
    return (
        f"The two are {points(rival.gap)} apart, and the choice of "
        f"{rival.other.row.num_images:,} test images explains up to "
        f"{points(rival.image_margin)}; that of {rival.images_to_decide:,} would "
        "explain no more than the gap."
    )


def price(clean: Comparison, robust: Comparison, what: str, has_standard: bool) -> str:
    """Compare a row with the reference: clean, and in its score, which is ``what``."""
    against = f"Against {clean.other.row.name}"
    if not has_standard:
        against += ", as there is no standard run"
    return (
        f"{against}, the clean accuracy of {clean.row.row.name} {clean.words()}, "
        f"and its {what} {robust.words()}."
    )


def control(comparison: Comparison) -> str:
    """Compare noise training with adversarial training."""
    other = str(comparison.other)
    return f"The control, {comparison.row}, {comparison.words(than=other)}."


def no_control(row: TrainingRow) -> str:
    """Write that an adversarial training has no noise training beside it."""
    return f"There is no noise training at the same ε to compare {row.name} with."


def uncompared(rows: Sequence[TrainingRow]) -> str:
    """Name the rows that are not compared with the best."""
    names = _names(rows)
    return (
        f"Not compared, as the seeds differ from the best's: {names}." if rows else ""
    )


def doubts(rows: Sequence[TrainingRow]) -> str:
    """Name the rows that failed checks, by what they failed."""
    by_checks: dict[str, list[str]] = {}
    for row in rows:
        by_checks.setdefault(", ".join(row.group.failed_checks), []).append(row.name)
    return " ".join(
        f"FAILED checks of {listed(names)}: {failed}; these numbers cannot be believed."
        for failed, names in by_checks.items()
        if failed
    )


def marked(rows: Sequence[TrainingRow], marks: Marks) -> str:
    """Name the marks of rows, whose words stand in the footnotes."""
    letters = {row.name: raised(marks.of(row.group.runs)) for row in rows}
    found = [f"{name} ({each})" for name, each in letters.items() if each]
    return f"Marks: {', '.join(found)}." if found else ""


def _names(rows: Sequence[TrainingRow]) -> str:
    names = [row.name for row in rows[:MOST_NAMES]]
    if len(rows) > MOST_NAMES:
        names.append(f"{len(rows) - MOST_NAMES} more")
    return listed(names)
