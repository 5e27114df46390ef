"""Detection of inputs or labels that differ from those the model was trained on.

A good model looks bad if its inputs have another range or order of axes, or its labels
are shifted or permuted. Each such change is tried on some examples. A change that makes
the model much better most likely corrects the mismatch.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fedrobust.network import Arrays, Network
from fedrobust.network.inference import labels_of, logits_of, predict

Change = Callable[[NDArray[Any]], NDArray[Any]]

# Number of examples to try, and the smallest share that must become correct.
TRIED, LEAST = 500, 0.02
# Accuracy above which another order of the classes is not due to chance.
CLEARLY = 0.5


def likely_mismatch(
    network: Network,
    arrays: Arrays,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    model_range: Sequence[float] = (0.0, 1.0),
) -> str | None:
    """Return a sentence about changes that make the model much better, or None.

    Parameters
    ----------
    network, arrays
        The model, which takes inputs in [0, 1] and scales them itself.
    x, y
        (n, ...) inputs in [0, 1] and (n,) labels.
    model_range
        The range to which the model scales its inputs.
    """
    x, y = x[:TRIED], y[:TRIED]
    logits = logits_of(network, arrays, x)
    answers = labels_of(logits)
    correct = answers == y
    changed = {
        what: predict(network, arrays, change(x)) == y
        for what, change in _inputs(x, model_range).items()
    }
    changed |= _labels(answers, y, network.num_classes)
    changed["if the smallest output were the answer"] = logits.argmin(axis=1) == y
    best = max(changed, key=lambda what: int(changed[what].sum()))
    gained, lost = (changed[best] & ~correct).sum(), (correct & ~changed[best]).sum()
    # Three standard errors, because many changes are tried.
    chance = max(3 * math.sqrt(gained + lost), LEAST * len(y))
    if gained - lost <= chance:
        return None
    # Changes that are nearly as good may be the right ones as well.
    least = changed[best].sum() - LEAST * len(y)
    reasons = [what for what, mask in changed.items() if mask.sum() >= least]
    return (
        f"clean accuracy is {100 * correct.mean():.1f} % on {len(y)} examples and "
        f"would be up to {100 * changed[best].mean():.1f} % {', or '.join(reasons)}"
    )


def _inputs(x: NDArray[Any], model_range: Sequence[float]) -> dict[str, Change]:
    """Return changes of inputs, by their description."""
    low, high = map(float, model_range)

    def scaled(to_low: float, to_high: float) -> Change:
        # After the model's own scaling, inputs are in [to_low, to_high].
        return lambda x: ((x * (to_high - to_low) + to_low) - low) / (high - low)

    ranges = {(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5)} - {(low, high)}
    changes = {
        f"with --range {a:g} {b:g} (model_range=({a:g}, {b:g}))": scaled(a, b)
        for a, b in sorted(ranges)
    }
    changes["for inverted inputs, 1 - x"] = lambda x: 1 - x
    if x.ndim >= 3 and x.shape[1] == x.shape[2]:
        changes["for images whose rows and columns are exchanged"] = lambda x: (
            x.swapaxes(1, 2)
        )
    if x.ndim == 4 and x.shape[3] == 3:
        changes["for channels in the order blue, green, red"] = lambda x: x[..., ::-1]
    return changes


def _labels(
    answers: NDArray[np.int64], y: NDArray[np.int32], classes: int
) -> dict[str, NDArray[np.bool_]]:
    """Return (n,) masks of the correct examples for other labels, by description."""
    correct = {
        f"if the labels were {word} by 1": answers == (y + shift) % classes
        for word, shift in (("larger", 1), ("smaller", -1))
    }
    counts = np.zeros((classes, classes))
    np.add.at(counts, (y[answers >= 0], answers[answers >= 0]), 1)
    _, order = linear_sum_assignment(-counts)
    ordered = order[y] == answers
    # By chance alone, the best of all orders is better than the true one.
    if ordered.sum() > CLEARLY * len(y):
        correct["if its outputs stood for the classes in another order"] = ordered
    return correct
