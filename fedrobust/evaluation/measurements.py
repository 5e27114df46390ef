"""Measurements for the checks: input gradients, losses, and robustness to an attack."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from fedrobust.attacks.base import Attack
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.subject import Subject
from fedrobust.evaluation.checks import Mask
from fedrobust.network import BoundModel, Network
from fedrobust.network.inference import BATCH, logits_of


def input_gradients(subject: Subject) -> NDArray[np.float32]:
    """Return the gradients of the cross-entropy at the inputs of one batch."""

    def make(network: Network) -> Any:
        def run(trainable: Any, fixed: Any, x: Any, y: Any) -> Any:
            model = BoundModel(network, trainable, fixed)
            loss = loss_of("ce", model, x, y)
            return value_and_gradient(model, x, loss)[2]

        return network.function(run)

    run = subject.network.compiled("input gradient", make)
    rows = np.arange(BATCH) % len(subject.x)
    trainable, fixed = subject.network.split(subject.arrays)
    y = subject.y[rows].astype(np.int32)
    return np.asarray(run(trainable, fixed, subject.x[rows], y))[: len(subject.x)]


def log_odds(subject: Subject, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (n,) log odds against the label; infinite for outputs that overflow.

    They order outputs as the cross-entropy log(1 + odds) does, and also distinguish
    outputs for which the cross-entropy rounds to 0.
    """
    logits = logits_of(subject.network, subject.arrays, x, subject.workers)
    rows, wide = np.arange(len(x)), logits.astype(np.float64)
    above = wide - wide[rows, subject.y][:, None]
    above[rows, subject.y] = -np.inf
    odds = logsumexp(above, axis=1)
    return np.where(np.isnan(odds), np.inf, odds)


def stands(subject: Subject, attack: Attack) -> Mask:
    """Return the (n,) mask of examples that are correct both clean and attacked."""
    mask = subject.is_correct()
    rows = np.flatnonzero(mask)
    if len(rows):
        correct = subject.only(rows)
        mask[rows] = correct.is_correct(attack.on(correct))
    return mask


def base_of(attacks: Mapping[str, Attack]) -> PGD:
    """Return the attack that the checks vary: the evaluation's PGD, or the default."""
    pgd = next((a for a in attacks.values() if type(a) is PGD), None)
    some = next(iter(attacks.values()))
    epsilon, norm, bounds = some.epsilon, some.norm, some.model_range
    return pgd or PGD(epsilon=epsilon, norm=norm, model_range=bounds)


def with_other_loss(base: PGD) -> PGD:
    """Return the attack with the margin, or with the cross-entropy if it had that."""
    return replace(base, loss="ce" if base.loss == "margin" else "margin")
