"""Why a good model may look bad: inputs or labels that are not those it was trained on.

Inputs in another range or order of axes, labels that are shifted or permuted: each is
tried on some examples, and one that makes the model much better is most likely it.
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

# Examples that are looked at, and the least share of them that must become right.
TRIED, LEAST = 500, 0.02
# Accuracy that another order of the classes must reach to be more than chance.
CLEARLY = 0.5


def likely_mismatch(
    network: Network,
    arrays: Arrays,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    model_range: Sequence[float] = (0.0, 1.0),
) -> str | None:
    """Return a sentence on what makes the model much better; None for nothing.

    Parameters
    ----------
    network, arrays
        The model, which takes inputs in [0, 1] and scales them itself.
    x, y
        (n, ...) inputs in [0, 1] and (n,) labels.
    model_range
        What it scales them to.
    """
    x, y = x[:TRIED], y[:TRIED]
    logits = logits_of(network, arrays, x)
    answers = labels_of(logits)
    right = answers == y
    found = {
        what: predict(network, arrays, change(x)) == y
        for what, change in _inputs(x, model_range).items()
    }
    found |= _labels(answers, y, network.num_classes)
    found["if the smallest output were the answer"] = logits.argmin(axis=1) == y
    best = max(found, key=lambda what: int(found[what].sum()))
    gained, lost = (found[best] & ~right).sum(), (right & ~found[best]).sum()
    # Three standard errors, as many changes are tried.
    chance = max(3 * math.sqrt(gained + lost), LEAST * len(y))
    if gained - lost <= chance:
        return None
    # What is as good may be it as well.
    least = found[best].sum() - LEAST * len(y)
    reasons = [what for what, mask in found.items() if mask.sum() >= least]
    return (
        f"clean accuracy is {100 * right.mean():.1f} % on {len(y)} examples and would "
        f"be up to {100 * found[best].mean():.1f} % {', or '.join(reasons)}"
    )


def _inputs(x: NDArray[Any], model_range: Sequence[float]) -> dict[str, Change]:
    """List changes of inputs, by what is said of them."""
    low, high = map(float, model_range)

    def scaled(to_low: float, to_high: float) -> Change:
        # What arrives behind the model's own scaling is in [to_low, to_high].
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
    """Find which examples are right with other labels, by what is said of them."""
    found = {
        f"if the labels were {word} by 1": answers == (y + shift) % classes
        for word, shift in (("larger", 1), ("smaller", -1))
    }
    counts = np.zeros((classes, classes))
    np.add.at(counts, (y[answers >= 0], answers[answers >= 0]), 1)
    _, order = linear_sum_assignment(-counts)
    ordered = order[y] == answers
    # The best of all orders is better than the right one by chance, too.
    if ordered.sum() > CLEARLY * len(y):
        found["if its outputs stood for the classes in another order"] = ordered
    return found
