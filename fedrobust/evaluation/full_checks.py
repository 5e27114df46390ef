"""Further attacks on a few examples, which a robustness number must withstand.

Carlini et al.: On Evaluating Adversarial Robustness, 2019, Section 5. Each check tests
whether a cheap stronger attack, or one without gradients, breaks examples that survived
the attacks of the evaluation. A model that merely hides its gradient fails.
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
from fedrobust.evaluation.measurements import base_of, log_odds, stands, with_other_loss
from fedrobust.evaluation.quick_checks import RISES
from fedrobust.network import Arrays, Network

# Number of examples that the checks use.
MAX_EXAMPLES = 256
# An attack must break an undefended model within this share of the range.
UNDEFENDED_EPSILON = 0.3


def full_checks(
    subject: Subject,
    attacks: Mapping[str, Attack],
    reported: Mask,
    guided: Mask,
    surrogate: tuple[Network, Arrays] | None = None,
) -> dict[str, Check]:
    """Return checks that compare the evaluation's attacks with further ones.

    Parameters
    ----------
    subject
        The model and some examples.
    attacks
        The attacks of the evaluation, at the epsilon to check.
    reported
        (n,) mask of the examples that are robust to all of them.
    guided
        (n,) mask of the examples that are robust to those using more than outputs, that
        is, without Square.
    surrogate
        An undefended model of the same task, trained separately; None for none.
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
    checks = {
        name: takes_more(
            name,
            guided if attack.queries_only else reported,
            stands(subject, attack),
        )
        for name, attack in stronger.items()
    }
    checks["unbounded_attack"] = _unbounded(subject, base)
    checks["loss_increases"] = _loss_increases(subject, base)
    if surrogate is not None:
        checks |= _with_surrogate(subject, base, reported, surrogate)
    return checks


def _wide(attack: PGD, share: float, x: NDArray[np.float32]) -> PGD:
    """Return the attack with a ball that extends a share of the range per value."""
    low, high = attack.model_range
    radius = share * (high - low)
    if attack.norm == "l2":
        radius *= float(np.sqrt(x[0].size))
    return replace(attack, epsilon=radius, step_size=None)


def _unbounded(subject: Subject, base: PGD) -> Check:
    """Attack in a ball of half the range, in which every image can become grey."""
    accuracy = float(stands(subject, _wide(base, 0.5, subject.x)).mean())
    guess = 1 / subject.network.num_classes
    allowed = guess + 3 * POINT + tolerance(guess, len(subject.x))
    return judged("unbounded_attack", accuracy <= allowed, accuracy)


def _loss_increases(subject: Subject, base: PGD) -> Check:
    """Compare the loss of each example after the attack with the loss before."""
    correct = subject.only(subject.is_correct())
    if len(correct.x) == 0:
        return judged("loss_increases", None)
    before = log_odds(correct, correct.x)
    after = log_odds(correct, base.on(correct))
    share = float(np.mean(after > before))
    return judged("loss_increases", share >= RISES, share)


def _with_surrogate(
    subject: Subject, base: PGD, reported: Mask, surrogate: tuple[Network, Arrays]
) -> dict[str, Check]:
    """Transfer from the surrogate, and check that the attack breaks the surrogate."""
    network, arrays = surrogate
    other = replace(subject, network=network, arrays=arrays)
    transferred = subject.is_correct() & subject.is_correct(base.on(other))
    left = float(stands(other, _wide(base, UNDEFENDED_EPSILON, subject.x)).mean())
    allowed = POINT + tolerance(POINT, len(subject.x))
    return {
        "transfer_not_better": takes_more("transfer_not_better", reported, transferred),
        "breaks_undefended_model": judged(
            "breaks_undefended_model", left <= allowed, left
        ),
    }
