"""Checks that detect robustness numbers that cannot be believed.

This module judges numbers; ``full_checks.py`` computes those that an evaluation lacks.
Every example that another attack breaks was wrongly reported as robust, whatever that
attack misses elsewhere. A model that hides its gradient on only half of its inputs is
therefore detected.

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

# By name of the check, the meaning of its figure.
MEANINGS = {
    "within_ball": "largest perturbation minus epsilon; inputs stay in their range",
    "monotone_in_epsilon": "largest gain of accuracy from one epsilon to the next",
    "iterative_at_least_single_step": "accuracy lost to one step but not to many",
    "worst_case_per_example": "lowest accuracy of an attack minus the worst case's",
    "hyperparameters_recorded": "attacks whose parameters are not in the record",
    "autoattack_is_lowest": "accuracy lost to another attack but not to AutoAttack",
    "zero_gradients": "share of examples without any gradient",
    "logits": "share of inputs whose outputs are not finite; 1 for probabilities",
    "deterministic": "largest relative change of the outputs between calls",
    "random_noise_weaker": "accuracy lost to random noise but not to the attacks",
    "unbounded_attack": "accuracy in a ball in which every image can become grey",
    "more_iterations": "accuracy lost in addition with twice the steps",
    "restarts": "accuracy lost in addition with five times the restarts",
    "gradient_free_not_better": "accuracy lost to Square but not to gradient attacks",
    "transfer_not_better": "accuracy lost in addition to transferred examples",
    "losses_agree": "accuracy lost in addition with the other loss",
    "loss_increases": "share of examples whose loss rises along the gradient",
    "breaks_undefended_model": "accuracy of an undefended model under the attack",
}
# The change of accuracy that the checklist of Carlini et al. allows: one point.
POINT = 0.01
# Weaker attacks, which must not win on balance even within the tolerance.
WEAKER = {
    "iterative_at_least_single_step",
    "random_noise_weaker",
    "transfer_not_better",
}
# AutoAttack's own criterion: if Square gains over 0.2 points, the gradient attacks have
# failed. The same holds for any attack compared with AutoAttack.
ALLOWED = {"gradient_free_not_better": POINT / 5, "autoattack_is_lowest": POINT / 5}
# By check: the weak attack that the others are compared with, and the attacks that do
# not count among these others.
HELD_AGAINST = {
    "iterative_at_least_single_step": ("fgsm", {"fgsm", "ffgsm"}),
    "random_noise_weaker": ("random_noise", {"random_noise"}),
    "transfer_not_better": ("transfer", {"transfer"}),
}


@dataclass(frozen=True)
class Check:
    """The result of a check: its status, and the figure on which it is based."""

    status: Status
    figure: float | None = None
    meaning: str = ""


def judged(name: str, passed: bool | None, figure: float | None = None) -> Check:
    """Return the result of a check; ``passed`` None means not_run."""
    status: Status = "not_run" if passed is None else "pass" if passed else "fail"
    return Check(status, figure, MEANINGS[name])


def tolerance(accuracy: float, num_examples: int) -> float:
    """Return two standard errors of an accuracy, but at least one example."""
    error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / num_examples)
    return max(2 * error, 1 / num_examples)


def takes_more(name: str, reported: Mask, other: Mask) -> Check:
    """Return a check that fails if another attack breaks reportedly robust examples.

    One point of accuracy, or the share in ``ALLOWED``, plus its two standard errors is
    allowed.

    Parameters
    ----------
    name
        Name of the check.
    reported, other
        (n,) masks of the examples that are robust as reported, and under the attack.
    """
    allowed = ALLOWED.get(name, POINT)
    taken = float((reported & ~other).mean())
    passed = taken <= allowed + tolerance(allowed, len(reported))
    if name in WEAKER:
        passed = passed and is_chance(reported, other)
    return judged(name, passed, taken)


def is_chance(more: Mask, less: Mask) -> bool:
    """Return whether chance can explain that one mask holds more than another.

    If b examples are only in the one and c only in the other, then b - c is at most
    2 sqrt(b + c) by chance (two standard errors), and one example is always allowed.
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
    """Return the checks that need only the numbers of an evaluation.

    Parameters
    ----------
    standing
        (n,) masks of the examples that are correct both clean and attacked, by attack
        and epsilon.
    worst
        The same for all attacks together, by epsilon.
    distances
        Epsilon, largest perturbation and whether inputs stayed in their range, for each
        attack and epsilon.
    records
        Hyper-parameters by attack, None if they are unknown.
    guided
        (n,) masks of the examples that are robust to all attacks using more than
        outputs, by epsilon; None if there is no such attack.
    queried
        The part of ``standing`` for attacks that have a part using only outputs.

    Returns
    -------
    All checks by name; those that need more numbers are not_run.
    """
    robust = {
        name: {e: float(mask.mean()) for e, mask in curve.items()}
        for name, curve in standing.items()
    }
    checks = {name: judged(name, None) for name in MEANINGS}
    checks["within_ball"] = _within_ball(distances)
    checks["monotone_in_epsilon"] = _monotone(standing)
    for name, (weak, excluded) in HELD_AGAINST.items():
        if weak in standing:
            others = {k: v for k, v in standing.items() if k not in excluded}
            checks[name] = _against(name, others, standing[weak])
    checks["gradient_free_not_better"] = _worst_of(
        "gradient_free_not_better",
        [
            takes_more("gradient_free_not_better", mask, curve[e])
            for curve in (queried or {}).values()
            for e, mask in (guided or {}).items()
            if mask is not None and e in curve
        ],
    )
    if "autoattack" in standing and len(standing) > 1:
        checks["autoattack_is_lowest"] = _autoattack_is_lowest(standing)
    gaps = [
        min(curve[e] for curve in robust.values() if e in curve) - float(mask.mean())
        for e, mask in worst.items()
    ]
    if gaps:
        checks["worst_case_per_example"] = judged(
            "worst_case_per_example", min(gaps) >= 0, min(gaps)
        )
        unknown = sum(record is None for record in records.values())
        checks["hyperparameters_recorded"] = judged(
            "hyperparameters_recorded", unknown == 0, float(unknown)
        )
    return checks


def _within_ball(distances: Sequence[tuple[float, float, bool]]) -> Check:
    excess = max((largest - epsilon for epsilon, largest, _ in distances), default=0.0)
    # Not "excess <= 0", because a NaN anywhere must fail the check.
    held = all(largest <= epsilon and inside for epsilon, largest, inside in distances)
    return judged("within_ball", held if distances else None, excess)


def _monotone(standing: Mapping[str, Mapping[str, Mask]]) -> Check:
    """Fail if accuracy under an attack is higher at a larger epsilon."""
    name, checks = "monotone_in_epsilon", []
    for curve in standing.values():
        for small, large in pairwise(sorted(curve, key=float)):
            rise = float(curve[large].mean() - curve[small].mean())
            checks.append(judged(name, is_chance(curve[large], curve[small]), rise))
    return _worst_of(name, checks)


def _against(
    name: str, others: Mapping[str, Mapping[str, Mask]], weak: Mapping[str, Mask]
) -> Check:
    """Compare a weak attack with all others together, at each epsilon they share."""
    checks = []
    for epsilon, mask in weak.items():
        masks = [curve[epsilon] for curve in others.values() if epsilon in curve]
        if masks:
            checks.append(takes_more(name, np.logical_and.reduce(masks), mask))
    return _worst_of(name, checks)


def _autoattack_is_lowest(standing: Mapping[str, Mapping[str, Mask]]) -> Check:
    """Fail if an attack beats AutoAttack, or breaks many examples that it missed."""
    name, checks = "autoattack_is_lowest", []
    for other, curve in standing.items():
        for epsilon, mask in curve.items():
            lowest = standing["autoattack"].get(epsilon)
            if other != "autoattack" and lowest is not None:
                check = takes_more(name, lowest, mask)
                below = bool(mask.sum() < lowest.sum())
                passed = check.status == "pass" and not below
                checks.append(judged(name, passed, check.figure))
    return _worst_of(name, checks)


def _worst_of(name: str, checks: Sequence[Check]) -> Check:
    """Return a check that fails if one of several does, with the largest figure."""
    if not checks:
        return judged(name, None)
    figures = [check.figure or 0.0 for check in checks]
    return judged(name, all(c.status == "pass" for c in checks), max(figures))
