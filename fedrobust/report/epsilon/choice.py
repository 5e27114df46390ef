"""Recommend a training epsilon.

For a threat with test epsilon t, a row's score is its accuracy at t; without a threat,
it is the area under its accuracy curve. The best row has the highest mean score, and is
recommended unless another one that the seeds do not tell from it has more clean
accuracy: the interval of that gain must exclude 0, and the gain must be more points
than its score lacks. Of several, the one with the highest sum of clean accuracy and
score is recommended. It must exceed guessing by more than chance. Noise training is the
control and is not recommended, and with fewer than three seeds nothing is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedrobust.report.epsilon.advice import Advice, Kind
from fedrobust.report.epsilon.comparison import Comparison, Scored
from fedrobust.report.epsilon.matrix import CLEAN, EpsilonMatrix, TrainingRow

# Means of the same numbers in another order differ by less.
TIE = 1e-9


def recommend(matrix: EpsilonMatrix, at: str | None = None) -> Advice:
    """Recommend a training epsilon for a test epsilon, or for all of them."""
    scored = _scored(matrix, at)
    if len(scored) < 2:
        return Advice(at, matrix.epsilons[-1], Kind.NOT_ATTACKED)
    best, *tied = _highest(scored)
    rivals = [Comparison(one, best) for one in scored if one is not best]
    guess = _guess(matrix)
    advice = Advice(
        at,
        matrix.epsilons[-1],
        Kind.FEW_SEEDS,
        best=best,
        tied=[one.row for one in tied],
        guess=None if best.score.beats(guess) else guess,
        rival=_next(rivals),
        has_standard=matrix.has_standard,
        marks=matrix.marks,
    )
    if all(rival.difference is None for rival in rivals):
        return advice
    advice = replace(
        advice, uncompared=[r.row.row for r in rivals if r.difference is None]
    )
    chosen = _chosen(best, rivals, matrix)
    if chosen is not None:
        return _with_choice(advice, chosen, scored, matrix)
    others = [rival for rival in rivals if not rival.row.row.is_noise]
    if advice.guess is not None or not others:
        return replace(advice, kind=Kind.GUESSING)
    return replace(advice, kind=Kind.CONTROL, rival=_next(others))


def _chosen(
    best: Scored, rivals: Sequence[Comparison], matrix: EpsilonMatrix
) -> Scored | None:
    """Return the row to recommend; None if no row may be."""
    guess = _guess(matrix)
    undecided = [rival.row for rival in rivals if rival.is_undecided]
    able = [
        one
        for one in [best, *undecided]
        if not one.row.is_noise and one.score.beats(guess)
    ]

    if not able:
        return None
    first = _highest(able)[0]

    def is_cheaper(one: Scored) -> bool:
        gain = _clean(one.row, first.row, matrix).difference
        return gain is not None and gain.is_decided and gain.value > 0

    def total(one: Scored) -> float:
        return round(one.score.value + matrix.score(one.row, CLEAN).value, 9)

    return max([first, *filter(is_cheaper, able)], key=total)


def _with_choice(
    advice: Advice, chosen: Scored, scored: Sequence[Scored], matrix: EpsilonMatrix
) -> Advice:
    """Recommend a row, and compare it with the best, the reference and the control."""
    advice = replace(advice, kind=Kind.CHOICE, row=chosen.row)
    best = advice.best
    if best is not None and best is not chosen:
        clean = _clean(best.row, chosen.row, matrix)
        rival = Comparison(best, chosen)
        advice = replace(advice, rival=rival, rival_clean=clean)
    reference = next((s for s in scored if s.row is matrix.reference), None)
    if reference is not None and reference is not chosen:
        clean = _clean(chosen.row, reference.row, matrix)
        robust = Comparison(chosen, reference)
        advice = replace(advice, clean=clean, robust=robust)
    return _with_control(advice, chosen, scored)


def _with_control(advice: Advice, chosen: Scored, scored: Sequence[Scored]) -> Advice:
    """Compare adversarial training with noise training at the same epsilon."""
    noise = [one for one in scored if one.row.is_noise]
    trained = [one for one in scored if one.row.epsilon is not None]
    trained = [one for one in trained if not one.row.is_noise]
    if not noise or not trained:
        return advice
    subject = chosen if chosen in trained else _highest(trained)[0]
    equal = [one for one in noise if one.row.epsilon == subject.row.epsilon]
    if not equal:
        return replace(advice, uncontrolled=subject.row)
    control = Comparison(_highest(equal)[0], subject)
    return replace(advice, control=None if control == advice.rival else control)


def _guess(matrix: EpsilonMatrix) -> float:
    """Return the accuracy of guessing; 0 if the number of classes is unknown."""
    classes = matrix.reference.group.num_classes
    return 1 / classes if classes else 0.0


def _scored(matrix: EpsilonMatrix, at: str | None) -> list[Scored]:
    """Return the rows that have a score, and none if no run was attacked there."""
    if at is not None and at not in matrix.epsilons:
        return []
    scored = [Scored(row, matrix.score(row, at)) for row in matrix.rows]
    return [one for one in scored if not np.isnan(one.score.value)]


def _clean(row: TrainingRow, other: TrainingRow, matrix: EpsilonMatrix) -> Comparison:
    """Compare the clean accuracies of two rows."""
    first, second = (Scored(r, matrix.score(r, CLEAN)) for r in (row, other))
    return Comparison(first, second)


def _next(rivals: Sequence[Comparison]) -> Comparison:
    """Return the rival with the highest score."""
    highest = _highest([rival.row for rival in rivals])[0]
    return next(rival for rival in rivals if rival.row is highest)


def _highest(scored: Sequence[Scored]) -> list[Scored]:
    """Return the rows with the highest mean, those that may be recommended first."""
    top = max(one.score.value for one in scored)
    tied = [one for one in scored if one.score.value > top - TIE]
    return sorted(tied, key=lambda one: one.row.is_noise)
