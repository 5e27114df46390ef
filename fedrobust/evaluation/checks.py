"""Checks that catch a robustness number that cannot be believed.

Judgements on numbers; ``full_checks.py`` makes the numbers that an evaluation lacks.
Each example that another attack breaks is one that was reported wrongly, whatever else
that attack misses, so a model that hides its gradient on half of its inputs is caught.

Carlini et al.: On Evaluating Adversarial Robustness, 2019, Section 5; Athalye, Carlini,
Wagner: Obfuscated Gradients Give a False Sense of Security, ICML 2018, Section 3.1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["pass", "fail", "not_run"]
Mask = NDArray[np.bool_]

# Every check and what its figure is. One point is the change that the checklist allows.
MEANINGS = {
    "within_ball": "largest perturbation minus epsilon; inputs stay in their range",
    "monotone_in_epsilon": "largest gain of accuracy from one epsilon to the next",
    "iterative_at_least_single_step": "accuracy that one step takes and many do not",
    "worst_case_per_example": "least accuracy of an attack minus the worst case's",
    "hyperparameters_recorded": "attacks whose parameters are not in the record",
    "autoattack_is_lowest": "accuracy that another attack takes and AutoAttack not",
    "zero_gradients": "share of examples without any gradient",
    "logits": "share of inputs whose outputs are not finite; 1 for probabilities",
    "deterministic": "largest relative change of the outputs from call to call",
    "random_noise_weaker": "accuracy that random noise takes and the attacks do not",
    "unbounded_attack": "accuracy in a ball that holds grey images of every image",
    "more_iterations": "accuracy that twice the steps take in addition",
    "restarts": "accuracy that five times the restarts take in addition",
    "gradient_free_not_better": "accuracy that Square takes and gradients do not",
    "transfer_not_better": "accuracy that examples of another model take in addition",
    "losses_agree": "accuracy that the other loss takes in addition",
    "loss_increases": "share of examples whose loss rises along the gradient",
    "breaks_undefended_model": "accuracy that the attack leaves an undefended model",
}
POINT = 0.01
# These cannot be the stronger attack: they must not be it on balance either, even by
# less than what is allowed.
WEAKER = {
    "iterative_at_least_single_step",
    "random_noise_weaker",
    "transfer_not_better",
}
# Square is to take no more than 0.2 points, by which AutoAttack tells that its parts
# before Square failed; the same is asked of AutoAttack itself.
ALLOWED = {"gradient_free_not_better": POINT / 5, "autoattack_is_lowest": POINT / 5}
# Attacks of an evaluation that the others are held against, but for those named.
HELD_AGAINST = {
    "iterative_at_least_single_step": ("fgsm", {"fgsm", "ffgsm"}),
    "random_noise_weaker": ("random_noise", {"random_noise"}),
    "transfer_not_better": ("transfer", {"transfer"}),
}


@dataclass(frozen=True)
class Check:
    """Whether a check passed, and the figure it was judged by."""

    status: Status
    figure: float | None = None
    meaning: str = ""


def judged(name: str, passed: bool | None, figure: float | None = None) -> Check:
    """Make the result of a check; None is not_run."""
    status: Status = "not_run" if passed is None else "pass" if passed else "fail"
    return Check(status, figure, MEANINGS[name])


def tolerance(accuracy: float, num_examples: int) -> float:
    """Two standard errors of an accuracy, and at least one example."""
    error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / num_examples)
    return max(2 * error, 1 / num_examples)


def takes_more(name: str, reported: Mask, other: Mask) -> Check:
    """Fail when another attack breaks examples that were reported to stand.

    Parameters
    ----------
    name
        Of the check: a point of accuracy is allowed, or what ``ALLOWED`` says, and two
        standard errors of it.
    reported, other
        (n,) which examples stand.
    """
    allowed = ALLOWED.get(name, POINT)
    taken = float((reported & ~other).mean())
    passed = taken <= allowed + tolerance(allowed, len(reported))
    if name in WEAKER:
        passed = passed and is_chance(reported, other)
    return judged(name, passed, taken)


def is_chance(more: Mask, less: Mask) -> bool:
    """Tell whether chance explains that more stand in one mask than in another.

    Of b examples that stand in the one alone and c in the other alone, b - c is up to
    2 sqrt(b + c) by chance.
    """
    alone, in_turn = int((more & ~less).sum()), int((less & ~more).sum())
    return alone - in_turn <= max(2 * math.sqrt(alone + in_turn), 1.0)


def check_attacks(
    standing: Mapping[str, Mapping[str, Mask]],
    worst: Mapping[str, Mask],
    distances: Sequence[tuple[float, float, bool]],
    records: Mapping[str, Any],
    guided: Mapping[str, Mask | None] | None = None,
    queried: Mapping[str, Mapping[str, Mask]] | None = None,
) -> dict[str, Check]:
    """Run the checks that the numbers of an evaluation allow.

    Parameters
    ----------
    standing
        (n,) which examples are right clean and attacked: by attack, then by epsilon.
    worst
        The same of all attacks together, by epsilon.
    distances
        Epsilon, largest perturbation and whether the range held, for each attack run.
    records
        Hyper-parameters by attack, None where they are not known.
    guided
        Which stand under all that uses more than outputs, by epsilon; None for nothing.
    queried
        Of ``standing``, the attacks with a part that asks for outputs alone.

    Returns
    -------
    Every check there is; those that need more than this are not_run.
    """
    robust = {
        name: {e: float(mask.mean()) for e, mask in curve.items()}
        for name, curve in standing.items()
    }
    found = {name: judged(name, None) for name in MEANINGS}
    found["within_ball"] = _within_ball(distances)
    found["monotone_in_epsilon"] = _monotone(standing)
    for name, (weak, excluded) in HELD_AGAINST.items():
        if weak in standing:
            others = {k: v for k, v in standing.items() if k not in excluded}
            found[name] = _against(name, others, standing[weak])
    found["gradient_free_not_better"] = _worst_of(
        "gradient_free_not_better",
        [
            takes_more("gradient_free_not_better", mask, curve[e])
            for curve in (queried or {}).values()
            for e, mask in (guided or {}).items()
            if mask is not None and e in curve
        ],
    )
    if "autoattack" in standing and len(standing) > 1:
        found["autoattack_is_lowest"] = _autoattack_is_lowest(standing)
    gaps = [
        min(curve[e] for curve in robust.values() if e in curve) - float(mask.mean())
        for e, mask in worst.items()
    ]
    if gaps:
        found["worst_case_per_example"] = judged(
            "worst_case_per_example", min(gaps) >= 0, min(gaps)
        )
        unknown = sum(record is None for record in records.values())
        found["hyperparameters_recorded"] = judged(
            "hyperparameters_recorded", unknown == 0, float(unknown)
        )
    return found


def _within_ball(distances: Sequence[tuple[float, float, bool]]) -> Check:
    excess = max((largest - epsilon for epsilon, largest, _ in distances), default=0.0)
    # Not "excess <= 0": a comparison with nan must fail the check, wherever it stands.
    held = all(largest <= epsilon and inside for epsilon, largest, inside in distances)
    return judged("within_ball", held if distances else None, excess)


def _monotone(standing: Mapping[str, Mapping[str, Mask]]) -> Check:
    """Fail when an attack leaves more at some epsilon than at a smaller one."""
    name, checks = "monotone_in_epsilon", []
    for curve in standing.values():
        for small, large in pairwise(sorted(curve, key=float)):
            rise = float(curve[large].mean() - curve[small].mean())
            checks.append(judged(name, is_chance(curve[large], curve[small]), rise))
    return _worst_of(name, checks)


def _against(
    name: str, others: Mapping[str, Mapping[str, Mask]], weak: Mapping[str, Mask]
) -> Check:
    """Hold a weak attack against all others together, at each epsilon they share."""
    checks = []
    for epsilon, mask in weak.items():
        masks = [curve[epsilon] for curve in others.values() if epsilon in curve]
        if masks:
            checks.append(takes_more(name, np.logical_and.reduce(masks), mask))
    return _worst_of(name, checks)


def _autoattack_is_lowest(standing: Mapping[str, Mapping[str, Mask]]) -> Check:
    """Fail when any attack goes below AutoAttack, or breaks much that it missed."""
    name, checks = "autoattack_is_lowest", []
    for other, curve in standing.items():
        for epsilon, mask in curve.items():
            lowest = standing["autoattack"].get(epsilon)
            if other != "autoattack" and lowest is not None:
                found = takes_more(name, lowest, mask)
                below = bool(mask.sum() < lowest.sum())
                passed = found.status == "pass" and not below
                checks.append(judged(name, passed, found.figure))
    return _worst_of(name, checks)


def _worst_of(name: str, checks: Sequence[Check]) -> Check:
    """Fail when one fails, and tell the largest figure."""
    if not checks:
        return judged(name, None)
    figures = [check.figure or 0.0 for check in checks]
    return judged(name, all(c.status == "pass" for c in checks), max(figures))
