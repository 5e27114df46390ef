"""Why a good model may look bad: inputs or labels that are not those it was trained on.

Inputs in another range or order of axes, labels that are shifted or permuted: each is
tried on some examples, and one that makes the model much better is most likely it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fedrobust.attacks.checks import tolerance
from fedrobust.inference import predict
from fedrobust.network import Arrays, Network

Change = Callable[[NDArray[Any]], NDArray[Any]]

# Examples that are looked at, and how much better a model must become.
TRIED, MUCH = 500, 0.05


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
    answers = predict(network, arrays, x)
    accuracy = float((answers == y).mean())

    def rate(changed: NDArray[np.float32]) -> float:
        return float((predict(network, arrays, changed) == y).mean())

    found = {what: rate(change(x)) for what, change in _inputs(x, model_range).items()}
    found |= _labels(answers, y)
    best = max(found, key=lambda what: found[what])
    better = found[best] - accuracy
    if better <= MUCH + tolerance(accuracy, len(y)):
        return None
    return (
        f"clean accuracy is {100 * accuracy:.1f} % on {len(y)} examples and would be "
        f"{100 * found[best]:.1f} % {best}"
    )


def _inputs(x: NDArray[Any], model_range: Sequence[float]) -> dict[str, Change]:
    """List changes of inputs, by what is said of them."""
    low, high = map(float, model_range)

    def scaled(to_low: float, to_high: float) -> Change:
        # What arrives behind the model's own scaling is in [to_low, to_high].
        return lambda x: ((x * (to_high - to_low) + to_low) - low) / (high - low)

    ranges = {(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5)} - {(low, high)}
    changes = {
        f"for inputs in [{a:g}, {b:g}]: set --range {a:g} {b:g} (model_range), or look "
        "for a Rescaling that the model has or lacks": scaled(a, b)
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


def _labels(answers: NDArray[np.int64], y: NDArray[np.int32]) -> dict[str, float]:
    """Measure accuracies for other labels, by what is said of them."""
    classes = int(max(answers.max(), y.max())) + 1
    found = {
        f"if the labels were {'larger' if shift > 0 else 'smaller'} by 1": float(
            (answers == y + shift).mean()
        )
        for shift in (1, -1)
    }
    counts = np.zeros((classes, classes))
    np.add.at(counts, (y[answers >= 0], answers[answers >= 0]), 1)
    rows, columns = linear_sum_assignment(-counts)
    # The best of all orders is better than chance of itself.
    luck = 2 * np.sqrt(classes / len(y)) / classes
    best = float(counts[rows, columns].sum()) / len(y) - luck
    found["if its outputs stood for the classes in another order"] = best
    return found
