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

from fedrobust.attacks.apgd import APGD
from fedrobust.attacks.base import Attack
from fedrobust.attacks.bim import BIM
from fedrobust.attacks.checks import POINT, Check, Mask, judged, takes_more, tolerance
from fedrobust.attacks.fgsm import FGSM
from fedrobust.attacks.gradient import loss_of, value_and_gradient
from fedrobust.attacks.mim import MIM
from fedrobust.attacks.pgd import PGD
from fedrobust.attacks.random_noise import RandomNoise
from fedrobust.attacks.square import Square
from fedrobust.attacks.subject import Subject
from fedrobust.backend import tf
from fedrobust.bound_model import BoundModel
from fedrobust.inference import BATCH, labels_of, logits_of
from fedrobust.network import Arrays, Network
from fedrobust.outputs import kind_of

# Examples that the probes look at.
PROBED = 256
# Outputs that change by more from call to call are random, as AutoAttack judges it.
SAME = 1e-4
# What rounding may change between the compiled model and the same step by step; ten
# times as much where the model computes with coarse floats.
ROUGHLY = 0.01
COARSE = {"float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"}
# A step so small, as a share of the range, that the loss is nearly linear, and the
# share of examples whose loss must rise.
SMALL, RISES = 0.01, 0.9
# Logits of an example that lie within less are close; of a trained model they do not.
CLOSE = 5.0
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


def look(
    subject: Subject, model_range: tuple[float, float] = (0.0, 1.0)
) -> tuple[dict[str, Check], list[str]]:
    """Look at the model's outputs and gradients on one batch; it costs next to nothing.

    Returns
    -------
    checks, notes
        The checks ``zero_gradients``, ``logits``, ``deterministic`` and, of one small
        step, ``loss_increases``; and what is to be said of answers that are random.
    """
    n = min(len(subject.x), BATCH)
    few = subject.only(np.arange(n))
    if n == 0:
        return {}, []
    network, arrays = few.network, few.arrays
    calls = [
        logits_of(network, arrays, few.x, few.workers, seed=(i, i)) for i in range(5)
    ]
    plain = _called_in_a_row(few)
    kind = kind_of(calls[0], network.model.outputs[0].dtype)
    right = labels_of(calls[0]) == few.y
    gradient = _input_gradients(few)
    # Near the inputs as well: a gradient may be cut off wherever no data are.
    rng = np.random.default_rng(0)
    aside = SMALL * (model_range[1] - model_range[0]) * rng.uniform(-1, 1, few.x.shape)
    near = replace(few, x=np.clip(few.x + aside, *model_range))
    zero = max(
        _zero_gradients(gradient, right),
        _zero_gradients(_input_gradients(near), right),
    )
    allowed = POINT + tolerance(POINT, n)
    half = (n + 1) // 2
    company = logits_of(network, arrays, few.x[:half], few.workers)
    same = deterministic(calls, plain, bool(COARSE & network.dtypes), company)
    found = {
        "zero_gradients": judged("zero_gradients", zero <= allowed, zero),
        "loss_increases": _small_step_increases(few, gradient, right, model_range),
        "logits": judged("logits", kind == "logits", float(kind != "logits")),
        "deterministic": same,
    }
    if same.status == "pass":
        return found, []
    rates = [100 * float((labels_of(c) == few.y).mean()) for c in (*calls, *plain)]
    note = (
        "the same inputs get other answers from call to call: accuracies are those of "
        f"one draw, which is frozen and known to the attacks; over {len(rates)} calls "
        f"clean accuracy on {n} examples is {min(rates):.1f} to {max(rates):.1f} %"
    )
    return found, [note]


def _called_in_a_row(subject: Subject) -> list[NDArray[np.float32]]:
    """Compute logits as Keras does step by step: what is drawn is drawn each time."""
    rows = np.arange(BATCH) % len(subject.x)
    model = BoundModel(subject.network, *subject.network.split(subject.arrays))
    calls = model.in_a_row(tf.convert_to_tensor(subject.x[rows]), 3)
    return [np.asarray(logits)[: len(subject.x)] for logits in calls]


def deterministic(
    calls: Sequence[NDArray[np.float32]],
    plain: Sequence[NDArray[np.float32]] = (),
    coarse: bool = False,
    company: NDArray[np.float32] | None = None,
) -> Check:
    """Compare outputs at length 1, and labels, between calls on the same inputs.

    Parameters
    ----------
    calls
        (n, classes) logits of the compiled model, whose random state differs.
    plain
        The same, step by step: the compiled model has drawn what it draws without
        state once and for all. These round otherwise, and are held to it loosely.
    coarse
        Whether it computes with floats of less than 24 bits.
    company
        (k, classes) logits of the first k inputs in other company.
    """
    same, figures = True, []
    for group in (calls, plain):
        for a, b in combinations(group, 2):
            change = _changes(a, b)
            # Not "> SAME": outputs that are no numbers must fail.
            same = same and bool((change <= SAME).all())
            same = same and bool((labels_of(a) == labels_of(b)).all())
            figures.append(float(np.max(change)))
    for logits in plain[:1]:
        change = _changes(calls[0], logits)
        other = float((~(change <= ROUGHLY * (10 if coarse else 1))).mean())
        same = same and other <= POINT + tolerance(POINT, len(change))
        figures.append(float(np.max(change)))
    if company is not None:
        change = _changes(calls[0][: len(company)], company)
        same = same and bool((change <= SAME).all())
        figures.append(float(np.max(change)))
    return judged("deterministic", same, max(figures, default=0.0))


def _changes(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure (n,) distances between outputs that are scaled to length 1."""
    wide = [c.astype(np.float64) for c in (a, b)]
    unit = [c / (np.linalg.norm(c, axis=1, keepdims=True) + 1e-10) for c in wide]
    return np.asarray(np.linalg.norm(unit[0] - unit[1], axis=1))


def _input_gradients(subject: Subject) -> NDArray[np.float32]:
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


def _zero_gradients(gradient: NDArray[np.float32], right: Mask) -> float:
    """Measure the share without a gradient of the examples that are right."""
    if not right.any():
        return 0.0
    flat = gradient.reshape(len(right), -1)
    useless = ~np.isfinite(flat).all(axis=1) | (flat == 0).all(axis=1)
    return float(useless[right].mean())


def _small_step_increases(
    subject: Subject,
    gradient: NDArray[np.float32],
    right: Mask,
    model_range: tuple[float, float],
) -> Check:
    """Follow the gradients a little, which must raise the loss if they are its own."""
    if not right.any():
        return judged("loss_increases", None)
    low, high = model_range
    step = SMALL * (high - low) * np.sign(np.nan_to_num(gradient))
    moved = np.clip(subject.x + step, low, high).astype(np.float32)
    rises = _log_odds(subject, moved) > _log_odds(subject, subject.x)
    share = float(rises[right].mean())
    allowed = RISES - tolerance(RISES, int(right.sum()))
    return judged("loss_increases", share >= allowed, share)


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
    base = _base(attacks)
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
        "losses_agree": _with_other_loss(base),
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


def try_other_loss(
    subject: Subject, attacks: Mapping[str, Attack], reported: Mask
) -> dict[str, Check]:
    """Return the check ``losses_agree`` where one batch shows that it is needed.

    Where logits lie close together the cross-entropy takes the wrong classes for
    equally likely, and attacks that climb it in many steps climb to none of them.
    """
    few = subject.only(np.arange(min(len(subject.x), BATCH)))
    climbing = any(isinstance(a, APGD | BIM | MIM | PGD) for a in attacks.values())
    if not climbing or len(few.x) == 0:
        return {}
    logits = logits_of(few.network, few.arrays, few.x, few.workers)
    if not float(np.median(np.ptp(logits, axis=1))) < CLOSE:
        return {}
    taken = stands(few, _with_other_loss(_base(attacks)))
    return {"losses_agree": takes_more("losses_agree", reported[: len(few.x)], taken)}


def _base(attacks: Mapping[str, Attack]) -> PGD:
    """Choose the attack that the probes vary: the evaluation's PGD, or the default."""
    found = next((a for a in attacks.values() if type(a) is PGD), None)
    some = next(iter(attacks.values()))
    epsilon, norm, bounds = some.epsilon, some.norm, some.model_range
    return found or PGD(epsilon=epsilon, norm=norm, model_range=bounds)


def _with_other_loss(base: PGD) -> PGD:
    return replace(base, loss="ce" if base.loss == "margin" else "margin")


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
    return judged("loss_increases", share >= RISES, share)


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
