"""Quick checks of a model's outputs and input gradients on one batch.

They take only a few calls of the model. Athalye, Carlini, Wagner: Obfuscated Gradients
Give a False Sense of Security, ICML 2018, Section 3.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.subject import Subject
from fedrobust.backend import tf
from fedrobust.evaluation.checks import POINT, Check, Mask, judged, tolerance
from fedrobust.evaluation.measurements import input_gradients, log_odds
from fedrobust.network import BoundModel
from fedrobust.network.inference import BATCH, labels_of, logits_of
from fedrobust.network.outputs import kind_of

# Outputs that change by more than this between calls are random, as in AutoAttack.
SAME = 1e-4
# Tolerance between the compiled and the eager model, which round differently; ten times
# as much if the model computes with coarse floats.
ROUGHLY = 0.01
COARSE = {"float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"}
# A step, as a share of the range, so small that the loss is nearly linear, and the
# share of examples whose loss must rise.
SMALL, RISES = 0.01, 0.9


def quick_checks(
    subject: Subject, model_range: tuple[float, float] = (0.0, 1.0)
) -> tuple[dict[str, Check], list[str]]:
    """Return cheap checks of the model's outputs and gradients on one batch.

    Returns
    -------
    checks
        The checks ``zero_gradients``, ``logits``, ``deterministic`` and, for one small
        step, ``loss_increases``.
    notes
        A note if the outputs are random.
    """
    n = min(len(subject.x), BATCH)
    few = subject.only(np.arange(n))
    if n == 0:
        return {}, []
    network, arrays = few.network, few.arrays
    calls = [
        logits_of(network, arrays, few.x, few.workers, seed=(i, i)) for i in range(5)
    ]
    eager = _called_in_a_row(few)
    kind = kind_of(calls[0], network.model.outputs[0].dtype)
    correct = labels_of(calls[0]) == few.y
    gradient = input_gradients(few)
    # Also near the inputs, because a gradient may vanish exactly at the data.
    rng = np.random.default_rng(0)
    aside = SMALL * (model_range[1] - model_range[0]) * rng.uniform(-1, 1, few.x.shape)
    near = replace(few, x=np.clip(few.x + aside, *model_range))
    zero = max(
        _zero_gradients(gradient, correct),
        _zero_gradients(input_gradients(near), correct),
    )
    allowed = POINT + tolerance(POINT, n)
    half = (n + 1) // 2
    company = logits_of(network, arrays, few.x[:half], few.workers)
    same = deterministic(calls, eager, bool(COARSE & network.dtypes), company)
    checks = {
        "zero_gradients": judged("zero_gradients", zero <= allowed, zero),
        "loss_increases": _small_step_increases(few, gradient, correct, model_range),
        "logits": judged("logits", kind == "logits", float(kind != "logits")),
        "deterministic": same,
    }
    if same.status == "pass":
        return checks, []
    rates = [100 * float((labels_of(c) == few.y).mean()) for c in (*calls, *eager)]
    note = (
        "the outputs for the same inputs differ between calls: accuracies are those of "
        f"one draw, which is frozen and known to the attacks; over {len(rates)} calls "
        f"clean accuracy on {n} examples is {min(rates):.1f} to {max(rates):.1f} %"
    )
    return checks, [note]


def _called_in_a_row(subject: Subject) -> list[NDArray[np.float32]]:
    """Return the logits of several eager calls, each with its own random draws."""
    rows = np.arange(BATCH) % len(subject.x)
    model = BoundModel(subject.network, *subject.network.split(subject.arrays))
    calls = model.in_a_row(tf.convert_to_tensor(subject.x[rows]), 3)
    return [np.asarray(logits)[: len(subject.x)] for logits in calls]


def deterministic(
    calls: Sequence[NDArray[np.float32]],
    eager: Sequence[NDArray[np.float32]] = (),
    coarse: bool = False,
    company: NDArray[np.float32] | None = None,
) -> Check:
    """Compare normalised outputs, and labels, between calls on the same inputs.

    Parameters
    ----------
    calls
        (n, classes) logits of the compiled model, with different random states.
    eager
        (n, classes) logits of eager calls. They also reveal draws without a state,
        which the compiled model makes only once. They round differently, so they are
        compared with the compiled logits by a larger tolerance.
    coarse
        Whether the model computes with floats of less than 24 bits.
    company
        (k, classes) logits of the first k inputs in a batch with other examples.
    """
    same, figures = True, []
    for group in (calls, eager):
        for a, b in combinations(group, 2):
            change = _changes(a, b)
            # Not "> SAME", because NaN must fail.
            same = same and bool((change <= SAME).all())
            same = same and bool((labels_of(a) == labels_of(b)).all())
            figures.append(float(np.max(change)))
    for logits in eager[:1]:
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
    """Return the (n,) distances between outputs that are scaled to length 1."""
    wide = [c.astype(np.float64) for c in (a, b)]
    unit = [c / (np.linalg.norm(c, axis=1, keepdims=True) + 1e-10) for c in wide]
    return np.asarray(np.linalg.norm(unit[0] - unit[1], axis=1))


def _zero_gradients(gradient: NDArray[np.float32], correct: Mask) -> float:
    """Return the share of the correct examples that have no gradient."""
    return float((~_leads(gradient))[correct].mean()) if correct.any() else 0.0


def _leads(gradient: NDArray[np.float32]) -> Mask:
    """Return the (n,) mask of examples whose gradient is finite and not zero."""
    flat = gradient.reshape(len(gradient), -1)
    return np.asarray(np.isfinite(flat).all(axis=1) & (flat != 0).any(axis=1))


def _small_step_increases(
    subject: Subject,
    gradient: NDArray[np.float32],
    correct: Mask,
    model_range: tuple[float, float],
) -> Check:
    """Take a small step along the gradients, which must raise the loss."""
    followed = correct & _leads(gradient)
    if not followed.any():
        return judged("loss_increases", None)
    low, high = model_range
    step = SMALL * (high - low) * np.sign(np.nan_to_num(gradient))
    moved = np.clip(subject.x + step, low, high).astype(np.float32)
    rises = log_odds(subject, moved) > log_odds(subject, subject.x)
    share = float(rises[followed].mean())
    allowed = RISES - tolerance(RISES, int(followed.sum()))
    return judged("loss_increases", share >= allowed, share)
