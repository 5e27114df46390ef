"""Checks that catch a robustness number that cannot be believed.

Judgements on numbers; ``probes.py`` makes the numbers that an evaluation lacks. Counts
are paired, as both sides are of the same examples: b that only the stronger attack
breaks and c that only the reported ones do differ by chance up to 2 sqrt(b + c).

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
    "logits": "1 when the outputs are probabilities",
    "deterministic": "largest relative change of the outputs from call to call",
    "random_noise_weaker": "accuracy that random noise takes and the attacks do not",
    "unbounded_attack": "accuracy in a ball that holds grey images of every image",
    "more_iterations": "accuracy that twice the steps take in addition",
    "restarts": "accuracy that five restarts take in addition",
    "gradient_free_not_better": "accuracy that Square takes and the attacks do not",
    "transfer_not_better": "accuracy that examples of another model take in addition",
    "losses_agree": "accuracy that the margin loss takes in addition",
    "loss_increases": "share of examples whose loss the attack raises",
    "breaks_undefended_model": "accuracy that the attack leaves an undefended model",
}
POINT = 0.01


@dataclass(frozen=True)
class Check:
    """Whether a check passed, and the figure it was judged by."""

    status: Status
    figure: float | None
    meaning: str


def judged(name: str, passed: bool | None, figure: float | None = None) -> Check:
    """Make the result of a check; None is not_run."""
    status: Status = "not_run" if passed is None else "pass" if passed else "fail"
    return Check(status, figure, MEANINGS[name])


def tolerance(accuracy: float, num_examples: int) -> float:
    """Two standard errors of an accuracy, and at least one example."""
    error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / num_examples)
    return max(2 * error, 1 / num_examples)


def takes_more(name: str, reported: Mask, other: Mask, allowance: float = 0.0) -> Check:
    """Fail when another attack takes more accuracy than what was reported.

    Parameters
    ----------
    name
        Of the check.
    reported, other
        (n,) which examples stand.
    allowance
        Accuracy that it may take beyond chance.
    """
    n = len(reported)
    only_other = int((reported & ~other).sum())
    only_reported = int((~reported & other).sum())
    excess = (only_other - only_reported) / n
    chance = max(2 * math.sqrt(only_other + only_reported), 1.0) / n
    return judged(name, excess <= allowance + chance, excess)


def check_attacks(
    standing: Mapping[str, Mapping[str, Mask]],
    worst: Mapping[str, Mask],
    distances: Sequence[tuple[float, float, bool]],
    records: Mapping[str, Any],
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
    if "fgsm" in standing and len(standing) > 1:
        others = {k: v for k, v in standing.items() if k not in ("fgsm", "ffgsm")}
        found["iterative_at_least_single_step"] = _against(
            "iterative_at_least_single_step", others, standing["fgsm"]
        )
    if "random_noise" in standing:
        others = {k: v for k, v in standing.items() if k != "random_noise"}
        found["random_noise_weaker"] = _against(
            "random_noise_weaker", others, standing["random_noise"]
        )
    if "square" in standing:
        others = {k: v for k, v in standing.items() if k != "square"}
        found["gradient_free_not_better"] = _against(
            "gradient_free_not_better", others, standing["square"]
        )
    if "transfer" in standing:
        others = {k: v for k, v in standing.items() if k != "transfer"}
        found["transfer_not_better"] = _against(
            "transfer_not_better", others, standing["transfer"]
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
    checks = [
        takes_more("monotone_in_epsilon", curve[large], curve[small])
        for curve in standing.values()
        for small, large in pairwise(sorted(curve, key=float))
    ]
    return _worst_of("monotone_in_epsilon", checks)


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
    """Fail when any attack goes below AutoAttack."""
    name = "autoattack_is_lowest"
    checks = [
        takes_more(name, standing["autoattack"][epsilon], mask)
        for other, curve in standing.items()
        for epsilon, mask in curve.items()
        if other != "autoattack" and epsilon in standing["autoattack"]
    ]
    # AutoAttack claims to be the worst case: here even one example is too many.
    strict = [judged(name, (c.figure or 0.0) <= 0, c.figure) for c in checks]
    return _worst_of(name, strict)


def _worst_of(name: str, checks: Sequence[Check]) -> Check:
    """Fail when one fails, and tell the largest figure."""
    if not checks:
        return judged(name, None)
    figures = [check.figure or 0.0 for check in checks]
    return judged(name, all(c.status == "pass" for c in checks), max(figures))
