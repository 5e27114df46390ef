"""Checks that catch a robustness number that cannot be believed.

Carlini et al.: On Evaluating Adversarial Robustness, 2019, Section 5; Athalye, Carlini,
Wagner: Obfuscated Gradients Give a False Sense of Security, ICML 2018, Section 3.1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Status = Literal["pass", "fail", "not_run"]


@dataclass(frozen=True)
class Check:
    """Whether a check passed, and the figure it was judged by."""

    status: Status
    figure: float | None
    meaning: str


def tolerance(accuracy: float, num_examples: int) -> float:
    """Two standard errors of an accuracy, and at least one example."""
    error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / num_examples)
    return max(2 * error, 1 / num_examples)


def check_attacks(
    robust: Mapping[str, Mapping[str, float]],
    distances: Sequence[tuple[float, float, bool]],
    num_examples: int,
) -> dict[str, Check]:
    """Run the checks that the numbers of an evaluation allow.

    Parameters
    ----------
    robust
        Accuracy by attack, then by epsilon.
    distances
        Epsilon, largest perturbation and whether the range held, for each attack run.
    num_examples
        Examples the accuracies are of.
    """
    return {
        "within_ball": _within_ball(distances),
        "monotone_in_epsilon": _monotone(robust, num_examples),
        "iterative_at_least_single_step": _iterative(robust, num_examples),
    }


def _within_ball(distances: Sequence[tuple[float, float, bool]]) -> Check:
    excess = max((largest - epsilon for epsilon, largest, _ in distances), default=0.0)
    # Not "excess <= 0": a comparison with nan must fail the check, wherever it stands.
    held = all(largest <= epsilon and inside for epsilon, largest, inside in distances)
    return Check(
        "pass" if held else "fail",
        excess,
        "largest perturbation minus epsilon; inputs stay in the model's range",
    )


def _monotone(robust: Mapping[str, Mapping[str, float]], n: int) -> Check:
    meaning = "largest gain of accuracy from one epsilon to the next larger"
    gains = []
    failed = False
    for curve in robust.values():
        for small, large in pairwise(sorted(curve, key=float)):
            gains.append(curve[large] - curve[small])
            failed |= gains[-1] > tolerance(curve[small], n)
    if not gains:
        return Check("not_run", None, meaning)
    return Check("fail" if failed else "pass", max(gains), meaning)


def _iterative(robust: Mapping[str, Mapping[str, float]], n: int) -> Check:
    meaning = "largest accuracy after PGD minus accuracy after FGSM"
    single, iterative = robust.get("fgsm", {}), robust.get("pgd", {})
    shared = [e for e in single if e in iterative]
    if not shared:
        return Check("not_run", None, meaning)
    gaps = [iterative[e] - single[e] for e in shared]
    failed = any(
        gap > tolerance(single[e], n) for gap, e in zip(gaps, shared, strict=True)
    )
    return Check("fail" if failed else "pass", max(gaps), meaning)
