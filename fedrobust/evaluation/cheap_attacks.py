"""Cheap stronger attacks on one batch, which the attacks that climb must not lose to.

``full_checks.py`` has those that cost more than the evaluation may.
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
from fedrobust.evaluation.followed import (
    base_of,
    input_gradients,
    stands,
    with_other_loss,
)
from fedrobust.network.inference import BATCH, logits_of

# Logits of an example that lie within less are close; of a trained model they do not.
CLOSE = 5.0
# Places in the ball whose gradients are averaged.
PLACES = 8


def try_other_loss(
    subject: Subject, attacks: Mapping[str, Attack], reported: Mask
) -> dict[str, Check]:
    """Return the check ``losses_agree`` where one batch shows that it is needed.

    Where logits lie close together the cross-entropy takes the wrong classes for
    equally likely, and attacks that climb it in many steps climb to none of them.
    """
    few = subject.only(np.arange(min(len(subject.x), BATCH)))
    if not _climbs(attacks) or len(few.x) == 0:
        return {}
    logits = logits_of(few.network, few.arrays, few.x, few.workers)
    if not float(np.median(np.ptp(logits, axis=1))) < CLOSE:
        return {}
    taken = stands(few, with_other_loss(base_of(attacks)))
    return {"losses_agree": takes_more("losses_agree", reported[: len(few.x)], taken)}


def try_single_steps(
    subject: Subject, attacks: Mapping[str, Attack], reported: Mask
) -> dict[str, Check]:
    """Return ``iterative_at_least_single_step`` of one batch, for attacks that climb.

    One step goes along the gradient, and one along its mean over the ball: where
    gradients are those of ripples, many small steps end on the next one.
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

    def taken(towards: NDArray[np.float64]) -> Mask:
        if base.norm == "linf":
            return few.right(moved(np.sign(towards)))
        flat = towards.reshape(len(towards), -1)
        length = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
        return few.right(moved((flat / length).reshape(towards.shape)))

    first = direction(few.x)
    shape = few.x.shape[1:]
    draws = (
        [draw_in_ball(rng, shape, base.norm) for _ in few.x] for _ in range(PLACES)
    )
    mean = first + sum(direction(moved(np.stack(draw))) for draw in draws)
    name = "iterative_at_least_single_step"
    stands = few.right() & taken(first) & taken(mean)
    return {name: takes_more(name, reported[: len(few.x)], stands)}


def _climbs(attacks: Mapping[str, Attack]) -> bool:
    """Whether one of the attacks takes many steps along gradients."""
    return any(isinstance(a, APGD | BIM | MIM | PGD) for a in attacks.values())
