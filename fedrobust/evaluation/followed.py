"""What checks are made of: gradients and losses of a batch, and what stands."""

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
    """Compute the cross-entropy's gradients of one batch."""

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
    """Compute the log of the odds against the label; what overflows is infinite.

    It orders outputs as the cross-entropy does, log(1 + odds), and tells apart those
    for which that is rounded to 0.
    """
    logits = logits_of(subject.network, subject.arrays, x, subject.workers)
    rows, wide = np.arange(len(x)), logits.astype(np.float64)
    above = wide - wide[rows, subject.y][:, None]
    above[rows, subject.y] = -np.inf
    odds = logsumexp(above, axis=1)
    return np.where(np.isnan(odds), np.inf, odds)


def stands(subject: Subject, attack: Attack) -> Mask:
    """Return which examples are right both as they are and attacked."""
    mask = subject.right()
    rows = np.flatnonzero(mask)
    if len(rows):
        seen = subject.only(rows)
        mask[rows] = seen.right(attack.on(seen))
    return mask


def base_of(attacks: Mapping[str, Attack]) -> PGD:
    """Choose the attack that the probes vary: the evaluation's PGD, or the default."""
    found = next((a for a in attacks.values() if type(a) is PGD), None)
    some = next(iter(attacks.values()))
    epsilon, norm, bounds = some.epsilon, some.norm, some.model_range
    return found or PGD(epsilon=epsilon, norm=norm, model_range=bounds)


def with_other_loss(base: PGD) -> PGD:
    """Return the attack on the margin, or on the cross-entropy where it had that."""
    return replace(base, loss="ce" if base.loss == "margin" else "margin")
