"""Further attacks on a few examples: what a robustness number must withstand.

Carlini et al.: On Evaluating Adversarial Robustness, 2019, Section 5. Every probe asks
whether a cheap stronger attack, or one that needs no gradient, breaks what the attacks
of the evaluation left standing; a model that only hides its gradient fails here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from fedrobust.attacks.base import Attack
from fedrobust.attacks.checks import POINT, Check, Mask, judged, takes_more, tolerance
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.attacks.square import Square
from fedrobust.attacks.subject import Subject
from fedrobust.bound_model import BoundModel
from fedrobust.inference import BATCH, labels_of, logits_of
from fedrobust.network import Arrays, Network
from fedrobust.outputs import kind_of

# Examples that the probes look at.
PROBED = 256
# Outputs that change by more from call to call are random, as AutoAttack judges it.
SAME = 1e-4
# An undefended model must fall to an attack at this share of the range.
UNDEFENDED_EPSILON = 0.3


def stands(subject: Subject, attack: Attack) -> Mask:
    """Tell which examples are right as they are and attacked."""
    mask = subject.right()
    rows = np.flatnonzero(mask)
    if len(rows):
        seen = subject.only(rows)
        mask[rows] = seen.right(attack.on(seen))
    return mask


def look(subject: Subject) -> dict[str, Check]:
    """Look at the model's outputs and gradients on one batch; it costs next to nothing.

    Returns
    -------
    The checks ``zero_gradients``, ``logits`` and ``deterministic``.
    """
    n = min(len(subject.x), BATCH)
    few = subject.only(np.arange(n))
    if n == 0:
        return {}
    network, arrays = few.network, few.arrays
    calls = [
        logits_of(network, arrays, few.x, few.workers, seed=(i, i)) for i in range(5)
    ]
    kind = kind_of(calls[0], network.model.outputs[0].dtype)
    zero = _zero_gradients(few, labels_of(calls[0]) == few.y)
    allowed = POINT + tolerance(POINT, n)
    return {
        "zero_gradients": judged("zero_gradients", zero <= allowed, zero),
        "logits": judged("logits", kind == "logits", float(kind != "logits")),
        "deterministic": _deterministic(calls),
    }


def _deterministic(calls: Sequence[NDArray[np.float32]]) -> Check:
    """Compare each example's outputs, at length 1, and its label between all calls."""
    wide = [c.astype(np.float64) for c in calls]
    outputs = [c / (np.linalg.norm(c, axis=1, keepdims=True) + 1e-10) for c in wide]
    changes = [np.linalg.norm(a - b, axis=1) for a, b in combinations(outputs, 2)]
    # Not "> SAME": outputs that are no numbers must fail.
    same = all((change <= SAME).all() for change in changes)
    same = same and all((labels_of(c) == labels_of(calls[0])).all() for c in calls)
    return judged("deterministic", same, float(np.max(changes)))


def _zero_gradients(subject: Subject, right: Mask) -> float:
    """Measure the share without a gradient of the examples that are right."""

    def make(network: Network) -> Any:
        def run(trainable: Any, fixed: Any, x: Any, y: Any) -> Any:
            model = BoundModel(network, trainable, fixed)
            loss = loss_of("ce", model, x, y)
            return value_and_gradient(model, x, loss)[2]

        return network.function(run)

    if not right.any():
        return 0.0
    run = subject.network.compiled("input gradient", make)
    rows = np.arange(BATCH) % len(subject.x)
    trainable, fixed = subject.network.split(subject.arrays)
    y = subject.y[rows].astype(np.int32)
    gradient = np.asarray(run(trainable, fixed, subject.x[rows], y))[: len(right)]
    flat = gradient.reshape(len(right), -1)
    useless = ~np.isfinite(flat).all(axis=1) | (flat == 0).all(axis=1)
    return float(useless[right].mean())


def probe(
    subject: Subject,
    attacks: Mapping[str, Attack],
    reported: Mask,
    guided: Mask,
    surrogate: tuple[Network, Arrays] | None = None,
) -> dict[str, Check]:
    """Run the attacks that the reported ones must not be weaker than.

    Parameters
    ----------
    subject
        The model and some examples.
    attacks
        The attacks of the evaluation, at the epsilon to look at.
    reported
        (n,) which of the examples stand under all of them.
    guided
        (n,) which stand under what uses more than outputs: without Square.
    surrogate
        An undefended model of the same task, trained on its own; None for none.
    """
    base = next((a for a in attacks.values() if type(a) is PGD), None)
    some = next(iter(attacks.values()))
    epsilon, norm, bounds = some.epsilon, some.norm, some.model_range
    base = base or PGD(epsilon=epsilon, norm=norm, model_range=bounds)
    same: dict[str, Any] = {"epsilon": epsilon, "norm": norm, "model_range": bounds}

    stronger: dict[str, Attack] = {
        "iterative_at_least_single_step": FGSM(**same),
        "random_noise_weaker": RandomNoise(**same, restarts=10),
        "more_iterations": replace(base, steps=2 * base.steps),
        "restarts": replace(base, random_start=True, restarts=5 * base.restarts),
        "gradient_free_not_better": Square(**same, queries=1000),
        "losses_agree": replace(base, loss="ce" if base.loss == "margin" else "margin"),
    }
    found = {
        name: takes_more(
            name,
            guided if attack.queries_only else reported,
            stands(subject, attack),
        )
        for name, attack in stronger.items()
    }
    found["unbounded_attack"] = _unbounded(subject, base)
    found["loss_increases"] = _loss_increases(subject, base)
    if surrogate is not None:
        found |= _with_surrogate(subject, base, reported, surrogate)
    return found


def _wide(attack: PGD, share: float, x: NDArray[np.float32]) -> PGD:
    """Give the attack a ball of a share of the range, in every direction."""
    low, high = attack.model_range
    radius = share * (high - low)
    if attack.norm == "l2":
        radius *= float(np.sqrt(x[0].size))
    return replace(attack, epsilon=radius, step_size=None)


def _unbounded(subject: Subject, base: PGD) -> Check:
    """Attack in a ball of half the range, where every image can be made grey."""
    accuracy = float(stands(subject, _wide(base, 0.5, subject.x)).mean())
    guess = 1 / subject.network.num_classes
    allowed = guess + 3 * POINT + tolerance(guess, len(subject.x))
    return judged("unbounded_attack", accuracy <= allowed, accuracy)


def _loss_increases(subject: Subject, base: PGD) -> Check:
    """Hold the loss after the attack against the loss before, an example at a time."""
    seen = subject.only(subject.right())
    if len(seen.x) == 0:
        return judged("loss_increases", None)
    before = _log_odds(seen, seen.x)
    after = _log_odds(seen, base.on(seen))
    share = float(np.mean(after > before))
    return judged("loss_increases", share >= 0.9, share)


def _log_odds(subject: Subject, x: NDArray[np.float32]) -> NDArray[np.float64]:
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


def _with_surrogate(
    subject: Subject, base: PGD, reported: Mask, surrogate: tuple[Network, Arrays]
) -> dict[str, Check]:
    """Transfer from the surrogate, and see that the attack breaks the surrogate."""
    network, arrays = surrogate
    other = replace(subject, network=network, arrays=arrays)
    transferred = subject.right() & subject.right(base.on(other))
    left = float(stands(other, _wide(base, UNDEFENDED_EPSILON, subject.x)).mean())
    allowed = POINT + tolerance(POINT, len(subject.x))
    return {
        "transfer_not_better": takes_more("transfer_not_better", reported, transferred),
        "breaks_undefended_model": judged(
            "breaks_undefended_model", left <= allowed, left
        ),
    }
