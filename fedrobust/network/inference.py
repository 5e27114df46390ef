"""Logits and predictions for many inputs, in batches of one constant size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.network.bound_model import BoundModel
from fedrobust.network.network import Arrays, Network
from strategies.threads import parallel_map

# Every compiled batch has this size, for any number of examples, because the choice of
# kernels, and with it the last bits, depends on the size of a batch.
BATCH = 128


def logits_of(
    network: Network,
    arrays: Arrays,
    x: NDArray[np.float32],
    workers: int | None = None,
    seed: tuple[int, int] = (0, 0),
) -> NDArray[np.float32]:
    """Return (n, classes) logits in inference mode.

    Parameters
    ----------
    network, arrays
        The model and its weights.
    x
        (n, ...) inputs.
    workers
        Number of threads, None for one per core; it changes no bit.
    seed
        State of the model's seed generators, for a model that is random in inference.
    """

    def make(network: Network) -> Any:
        def run(trainable: Any, fixed: Any, x: Any) -> Any:
            return BoundModel(network, trainable, fixed)(x)

        return network.function(run)

    if len(x) == 0:
        return np.zeros((0, network.num_classes), np.float32)
    run = network.compiled("logits", make)
    trainable, fixed = network.split(arrays, seed)

    def one(start: int) -> NDArray[np.float32]:
        rows = np.arange(start, start + BATCH) % len(x)
        return np.asarray(run(trainable, fixed, x[rows]))[: len(x) - start]

    return np.concatenate(parallel_map(one, range(0, len(x), BATCH), workers))


def labels_of(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the (n,) classes of the largest logit; among equals, the first.

    If a logit is not finite the label is -1, which no example has: a model that
    overflows is wrong, not robust.
    """
    finite = np.isfinite(logits).all(axis=1)
    return np.where(finite, logits.argmax(axis=1), -1)


def predict(
    network: Network,
    arrays: Arrays,
    x: NDArray[np.float32],
    workers: int | None = None,
) -> NDArray[np.int64]:
    """Return the (n,) predicted labels, as ``labels_of`` decides."""
    return labels_of(logits_of(network, arrays, x, workers))
