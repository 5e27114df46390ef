"""Further attacks on a few examples: what a robustness number must withstand.

Carlini et al.: On Evaluating Adversarial Robustness, 2019, Section 5. Every probe asks
whether a cheap stronger attack, or one that needs no gradient, breaks what the attacks
of the evaluation left standing; a model that only hides its gradient fails here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.attacks.square import Square
from fedrobust.attacks.subject import Subject
from fedrobust.evaluation.checks import (
    POINT,
    Check,
    Mask,
    judged,
    takes_more,
    tolerance,
)
from fedrobust.evaluation.followed import base_of, log_odds, stands, with_other_loss
from fedrobust.evaluation.quick_checks import RISES
from fedrobust.network import Arrays, Network

# Examples that the probes look at.
PROBED = 256
# An undefended model must fall to an attack at this share of the range.
UNDEFENDED_EPSILON = 0.3


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
    base = base_of(attacks)
    same: dict[str, Any] = {
        "epsilon": base.epsilon,
        "norm": base.norm,
        "model_range": base.model_range,
    }

    stronger: dict[str, Attack] = {
        "iterative_at_least_single_step": FGSM(**same),
        "random_noise_weaker": RandomNoise(**same, restarts=10),
        "more_iterations": replace(base, steps=2 * base.steps),
        "restarts": replace(base, random_start=True, restarts=5 * base.restarts),
        "gradient_free_not_better": Square(**same, queries=1000),
        "losses_agree": with_other_loss(base),
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
    before = log_odds(seen, seen.x)
    after = log_odds(seen, base.on(seen))
    share = float(np.mean(after > before))
    return judged("loss_increases", share >= RISES, share)


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
