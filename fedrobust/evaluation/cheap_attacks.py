"""Cheap attacks on one batch, which must not beat the attacks of the evaluation.

``full_checks.py`` has the attacks that may cost more than the evaluation itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.apgd import APGD
from fedrobust.attacks.ball import draw_in_ball, into_ball
from fedrobust.attacks.base import Attack
from fedrobust.attacks.bim import BIM
from fedrobust.attacks.mim import MIM
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.subject import Subject
from fedrobust.evaluation.checks import Check, Mask, takes_more
from fedrobust.evaluation.measurements import (
    base_of,
    input_gradients,
    stands,
    with_other_loss,
)
from fedrobust.network.inference import BATCH, logits_of

# Logits of an example that differ by less lie close together, which is unusual for a
# trained model.
CLOSE = 5.0
# Number of points in the ball whose gradients are averaged.
PLACES = 8


def try_other_loss(
    subject: Subject, attacks: Mapping[str, Attack], reported: Mask
) -> dict[str, Check]:
    """Return the check ``losses_agree`` if one batch shows that it is needed.

    If logits lie close together, the cross-entropy considers all wrong classes equally
    likely, and attacks that climb it in many steps do not reach any of them.
    """
    few = subject.only(np.arange(min(len(subject.x), BATCH)))
    if not _climbs(attacks) or len(few.x) == 0:
        return {}
    logits = logits_of(few.network, few.arrays, few.x, few.workers)
    if not float(np.median(np.ptp(logits, axis=1))) < CLOSE:
        return {}
    standing = stands(few, with_other_loss(base_of(attacks)))
    check = takes_more("losses_agree", reported[: len(few.x)], standing)
    return {"losses_agree": check}


def try_single_steps(
    subject: Subject, attacks: Mapping[str, Attack], reported: Mask
) -> dict[str, Check]:
    """Return the check ``iterative_at_least_single_step`` for iterative attacks.

    One single step follows the gradient, and another follows its mean over the ball. If
    the loss has ripples, many small steps end on the nearest ripple, but a long step
    does not.
    """
    few = subject.only(np.arange(min(len(subject.x), BATCH)))
    if not _climbs(attacks) or len(few.x) == 0:
        return {}
    base, rng = base_of(attacks), np.random.default_rng(0)
    epsilon, bounds = float(base.epsilon), base.model_range

    def moved(towards: NDArray[Any]) -> NDArray[np.float32]:
        away = (few.x + epsilon * towards).astype(np.float32)
        return into_ball(away, few.x, epsilon, base.norm, bounds)

    def direction(x: NDArray[np.float32]) -> NDArray[np.float64]:
        gradient = np.nan_to_num(input_gradients(replace(few, x=x))).astype(np.float64)
        flat = gradient.reshape(len(gradient), -1)
        largest = np.abs(flat).max(axis=1, keepdims=True)
        scaled = flat / np.maximum(largest, 1e-300)
        return np.asarray(scaled.reshape(gradient.shape))

    def stand_after(towards: NDArray[np.float64]) -> Mask:
        if base.norm == "linf":
            return few.is_correct(moved(np.sign(towards)))
        flat = towards.reshape(len(towards), -1)
        length = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
        return few.is_correct(moved((flat / length).reshape(towards.shape)))

    first = direction(few.x)
    shape = few.x.shape[1:]
    draws = (
        [draw_in_ball(rng, shape, base.norm) for _ in few.x] for _ in range(PLACES)
    )
    mean = first + sum(direction(moved(np.stack(draw))) for draw in draws)
    name = "iterative_at_least_single_step"
    standing = few.is_correct() & stand_after(first) & stand_after(mean)
    return {name: takes_more(name, reported[: len(few.x)], standing)}


def _climbs(attacks: Mapping[str, Attack]) -> bool:
    """Return whether one of the attacks takes many steps along gradients."""
    return any(isinstance(a, APGD | BIM | MIM | PGD) for a in attacks.values())
