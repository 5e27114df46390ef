"""Recommend a training epsilon, with the reason.

For a threat with test epsilon t, it is the smallest training epsilon whose accuracy at
t is not below the best one's by more than chance (see :mod:`fedrobust.report.scores`).
Without a threat, the area under the accuracy curve takes the place of the accuracy.
Standard training counts as the smallest epsilon. A training that does not beat guessing
is never recommended, and neither is noise training, which is the control: if it is as
accurate, adversarial training has no benefit. A difference that can be chance may still
be real, so the text never calls two trainings equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedrobust.config.typed import with_key
from fedrobust.epsilon import parse_epsilon
from fedrobust.errors import ConfigError
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow
from fedrobust.report.scores import Difference, Score

Scores = Mapping[TrainingRow, Score]


@dataclass(frozen=True)
class Advice:
    """A recommendation.

    Attributes
    ----------
    at
        The test epsilon, as in result.json; None for all of them.
    row
        The recommended training; None if no training beats guessing.
    text
        The recommendation with its reason.
    """

    at: str | None
    row: TrainingRow | None
    text: str


def find_epsilon(text: str, matrices: Sequence[EpsilonMatrix]) -> str:
    """Return the evaluated epsilon that a user's text denotes.

    Raises
    ------
    ConfigError
        When the text is not an epsilon, or no run was evaluated at it.
    """
    value = with_key("--at", lambda: parse_epsilon(text))
    known = sorted({e for matrix in matrices for e in matrix.epsilons}, key=float)
    near = min(known, key=lambda epsilon: abs(float(epsilon) - value))
    if abs(float(near) - value) > 1e-9:
        raise ConfigError(
            f"--at={text}: must be an epsilon that the runs were attacked at; "
            f"{short(near)} is the nearest of {', '.join(map(short, known))}, and "
            "attack.epsilon adds others to the sweep"
        )
    return near


def recommend(matrix: EpsilonMatrix, at: str | None = None) -> Advice:
    """Recommend a training epsilon for a test epsilon, or for all of them."""
    last = short(matrix.epsilons[-1])
    where = f"ε = 0 to {last}" if at is None else f"ε = {short(at)}"
    if at is not None and at not in matrix.epsilons:
        return Advice(at, None, f"For {where}: these runs were not attacked there.")
    scores = {row: matrix.score(row, at) for row in matrix.rows}
    classes = matrix.reference.group.num_classes
    guess = 1 / classes if classes else 0.0
    best = _best(matrix.candidates, scores)
    able = [row for row in matrix.candidates if scores[row].beats(guess)]
    if not able:
        text = (
            f"nothing to recommend: no training beats guessing ({_percent(guess)}) by "
            f"more than chance, and the best, {best.name}, keeps {_of(scores[best])}"
        )
        return Advice(at, None, f"For {where}: {text}.")
    alike = [row for row in able if scores[best].above(scores[row]).is_chance]
    # The best may be above all that beat guessing, and not beat guessing itself.
    alike = alike or [_best(able, scores)]
    smallest = min(row.epsilon or 0.0 for row in alike)
    chosen = _best([row for row in alike if (row.epsilon or 0.0) == smallest], scores)
    sentences = [
        f"For {where}: choose {chosen.name}, {_reason(chosen, best, scores)}.",
        _unsure(best, guess) if best not in able else "",
        _price(matrix, chosen, best, scores, at),
        *_control(matrix, chosen, best, scores),
        *(_doubt(row) for row in dict.fromkeys([chosen, best])),
    ]
    return Advice(at, chosen, " ".join(filter(None, sentences)))


def _best(rows: Sequence[TrainingRow], scores: Scores) -> TrainingRow:
    return max(rows, key=lambda row: scores[row].value)


def _reason(chosen: TrainingRow, best: TrainingRow, scores: Scores) -> str:
    """Describe the accuracy of the chosen row, and compare it with the best."""
    kept = _of(scores[chosen])
    if chosen is best:
        return f"which keeps the most ({kept}); chance explains no smaller ε"
    difference = scores[best].above(scores[chosen])
    which = "the smallest that chance does not tell from the best"
    if not difference.is_chance:
        which = "the best of those that beat guessing by more than chance"
    return (
        f"{which}: it keeps {kept}, and {best.name} {_of(scores[best])} "
        f"({_chance(difference)})"
    )


def _chance(difference: Difference) -> str:
    """Describe the part of a difference that can be chance, and its basis."""
    margin = f"{100 * difference.margin:.1f} points"
    count = difference.num_seeds
    if difference.is_over_seeds:
        return (
            f"a difference of {100 * difference.value:.1f} ± {margin} over {count} "
            "seeds"
        )
    seeds = ("no seed in common", "one seed", "two seeds")[count]
    return f"{seeds}: chance explains up to {margin}"


def _unsure(best: TrainingRow, guess: float) -> str:
    """Explain why the best row is not the one that is recommended."""
    return (
        f"Chance could explain that {best.name} is above guessing ({_percent(guess)})."
    )


def _price(
    matrix: EpsilonMatrix,
    chosen: TrainingRow,
    best: TrainingRow,
    scores: Scores,
    at: str | None,
) -> str:
    """Describe the cost and the gain of the chosen row against the reference."""
    reference = matrix.reference
    if chosen is reference and not matrix.has_standard:
        return (
            "It is the smallest there is; without a standard run, its cost is unknown."
        )
    if chosen is reference and chosen is best:
        return "Adversarial training gains nothing."
    if chosen is reference:
        return (
            "What adversarial training gains is within chance: more seeds could tell."
        )
    cost = 100 * (reference.accuracy[0] - chosen.accuracy[0])
    points = f"{cost:.1f} points" if cost > 0 else "nothing"
    gain = 100 * (scores[chosen].value - scores[reference].value)
    where = "on average" if at is None else f"at {short(at)}"
    missing = "" if matrix.has_standard else ", as there is no standard run"
    return (
        f"It costs {points} clean, and gains {gain:.1f} {where} over "
        f"{reference.name}{missing}."
    )


def _control(
    matrix: EpsilonMatrix, chosen: TrainingRow, best: TrainingRow, scores: Scores
) -> list[str]:
    """Compare noise training with the adversarial training that is recommended."""
    noise = [row for row in matrix.rows if row.is_noise]
    if not noise or chosen.epsilon is None:
        return []
    control = _best(noise, scores)
    difference = scores[best].above(scores[control])
    if difference.value <= 0:
        return [
            f"But {control.name} keeps as much ({_of(scores[control])}): adversarial "
            "training bought nothing."
        ]
    if difference.is_chance:
        return [
            f"Whether it bought more than noise is open: {control.name} keeps "
            f"{_of(scores[control])} ({_chance(difference)}), and more seeds or images "
            "could tell."
        ]
    return []


def _doubt(row: TrainingRow) -> str:
    """Name the checks that a row failed."""
    failed = ", ".join(row.group.failed_checks)
    text = f"FAILED checks of {row.name}: {failed}; its numbers cannot be believed."
    return text if failed else ""


def _of(score: Score) -> str:
    return _percent(score.value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def short(epsilon: str) -> str:
    """Return an epsilon as text with up to four digits."""
    return f"{float(epsilon):.4g}"
