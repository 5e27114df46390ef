"""Which training epsilon to choose, and why.

For a threat of test epsilon t: the smallest training epsilon whose accuracy at t is not
below the best one's by more than chance explains (the 95 % interval of the difference
over seeds; see :mod:`fedrobust.report.epsilons`). Without a threat in mind: the same by
the area under the accuracy curve. Few seeds tell little, so that they advise a smaller
epsilon. Standard training counts as the smallest. A training that does not beat
guessing is no answer, and neither is noise training, the control: where it is as good,
adversarial training bought nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedrobust.epsilon import parse_epsilon
from fedrobust.errors import ConfigError
from fedrobust.report.epsilons import EpsilonMatrix, TrainingRow
from fedrobust.report.scores import Difference, Score
from fedrobust.schema import named

Scores = Mapping[TrainingRow, Score]


@dataclass(frozen=True)
class Advice:
    """A recommendation.

    Attributes
    ----------
    at
        The test epsilon it is for, as in result.json; None for all of them.
    row
        The training recommended; None where none beats guessing.
    text
        The recommendation with its reason.
    """

    at: str | None
    row: TrainingRow | None
    text: str


def find_epsilon(said: str, matrices: Sequence[EpsilonMatrix]) -> str:
    """Find the evaluated epsilon that a user means.

    Raises
    ------
    ConfigError
        When it is no epsilon, or no run was attacked at it.
    """
    value = named("--at", lambda: parse_epsilon(said))
    there = sorted({e for matrix in matrices for e in matrix.epsilons}, key=float)
    near = min(there, key=lambda epsilon: abs(float(epsilon) - value))
    if abs(float(near) - value) > 1e-9:
        raise ConfigError(
            f"--at={said}: must be an epsilon that the runs were attacked at; "
            f"{short(near)} is the nearest of {', '.join(map(short, there))}, and "
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
    candidates = matrix.candidates
    classes = matrix.reference.cell.num_classes
    guess = 1 / classes if classes else 0.0
    able = [row for row in candidates if scores[row].beats(guess)]
    if not able:
        best = _best(candidates, scores)
        text = (
            f"nothing to recommend: no training beats guessing ({_percent(guess)}) by "
            f"more than chance, and the best, {best.name}, keeps {_of(scores[best])}"
        )
        return Advice(at, None, f"For {where}: {text}.")
    best = _best(able, scores)
    alike = [row for row in able if scores[best].above(scores[row]).is_chance]
    smallest = min(row.epsilon or 0.0 for row in alike)
    chosen = _best([row for row in alike if (row.epsilon or 0.0) == smallest], scores)
    sentences = [
        f"For {where}: choose {chosen.name}, {_reason(chosen, best, scores)}.",
        _price(matrix, chosen, scores, at),
        *_control(matrix, chosen, best, scores),
        *(_doubt(row) for row in dict.fromkeys([chosen, best])),
    ]
    return Advice(at, chosen, " ".join(filter(None, sentences)))


def _best(rows: Sequence[TrainingRow], scores: Scores) -> TrainingRow:
    return max(rows, key=lambda row: scores[row].value)


def _reason(chosen: TrainingRow, best: TrainingRow, scores: Scores) -> str:
    """Say what the chosen row keeps, and how it compares with the best."""
    kept = _of(scores[chosen])
    if chosen is best:
        return f"which keeps the most ({kept}); chance explains no smaller ε"
    chance = _chance(scores[best].above(scores[chosen]))
    return (
        f"the smallest that chance does not tell from the best: it keeps {kept}, and "
        f"{best.name} {_of(scores[best])} ({chance})"
    )


def _chance(difference: Difference) -> str:
    """Say what chance explains, and by what it is known."""
    margin = f"{100 * difference.margin:.1f} points"
    if difference.num_seeds > 1:
        value = f"{100 * difference.value:.1f}"
        return f"a difference of {value} ± {margin} over {difference.num_seeds} seeds"
    seeds = "one seed" if difference.num_seeds else "no seed in common"
    return f"{seeds}: the errors of the images explain {margin}"


def _price(
    matrix: EpsilonMatrix, chosen: TrainingRow, scores: Scores, at: str | None
) -> str:
    """Say what the chosen row costs and gains against the reference."""
    reference = matrix.reference
    if chosen is reference and matrix.has_standard:
        return "Adversarial training gains nothing that chance could not."
    if chosen is reference:
        return (
            "It is the smallest there is; without a standard run, its cost is unknown."
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
    """Say where noise does as much as the adversarial training that is recommended."""
    noise = [row for row in matrix.rows if row.is_noise]
    if not noise or chosen.epsilon is None:
        return []
    control = _best(noise, scores)
    if not scores[best].above(scores[control]).is_chance:
        return []
    return [
        f"But {control.name} is as good ({_of(scores[control])}): adversarial training "
        "bought nothing."
    ]


def _doubt(row: TrainingRow) -> str:
    """Say which checks a row failed."""
    failed = ", ".join(row.cell.failed_checks)
    said = f"FAILED checks of {row.name}: {failed}; its numbers cannot be believed."
    return said if failed else ""


def _of(score: Score) -> str:
    return _percent(score.value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def short(epsilon: str) -> str:
    """Write an epsilon as people do."""
    return f"{float(epsilon):.4g}"
