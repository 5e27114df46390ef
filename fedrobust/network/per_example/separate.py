"""The proof, by numbers, that a model and a loss keep the examples of a batch apart.

Clipping bounds what one example adds to a sum only if the gradient of each depends on
that example alone.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from math import prod
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf
from fedrobust.network.bound_model import BoundModel
from fedrobust.network.network import Network, Tensor
from fedrobust.network.per_example.clipped import Bind, Losses, clipped_sum
from fedrobust.network.per_example.units import LOCK, shadowed

# Largest relative difference that is rounding. A layer that mixes examples makes one
# of order 1.
TOLERANCE = 1e-3
REMEDY = (
    "DP-SGD needs each example to be treated alone, so replace it (batch normalisation "
    "by model.norm=group or model.norm=layer)"
)


def check_separate(
    network: Network,
    losses_of: Losses,
    batch: Sequence[NDArray[Any]],
    bind: Bind | None = None,
) -> None:
    """Compare gradients of examples in a batch with those of each example alone.

    Parameters
    ----------
    network
        The model, with weights near which to compare.
    losses_of
        Function of a bound model and a batch, as for ``clipped_sum``.
    batch
        Arrays of a few examples, at least 2; random ones serve.
    bind
        Function that binds the model to weights; None for the model's own other
        variables.

    Raises
    ------
    ValueError
        When the gradient of an example depends on the others, or is computed wrongly,
        as for a model whose first axis is not that of the examples. It names the layer.

    Notes
    -----
    Each example in turn comes first, where random layers draw what they draw for an
    example alone.
    """
    trainable, fixed = network.split(network.arrays(), (1, 0))
    weights = _moved(trainable)
    bound = bind or (lambda weights: BoundModel(network, weights, fixed))
    alone = network.function(lambda *first: _alone(weights, bound, losses_of, first))

    def first_of(*batch: Tensor) -> list[Tensor]:
        mask = tf.cast(tf.range(tf.shape(batch[0])[0]) == 0, tf.float32)
        unclipped = tf.constant(1e30)
        clipped = clipped_sum(
            network, weights, bound, losses_of, batch, unclipped, mask
        )
        return clipped.gradients

    together = network.function(first_of)
    is_finite = False
    for k in range(len(batch[0])):
        rolled = [np.roll(each, -k, axis=0) for each in batch]
        expected = [np.asarray(g) for g in alone(*[each[:1] for each in rolled])]
        found = [np.asarray(g) for g in together(*rolled)]
        if not _agree(_flat(found), _flat(expected)):
            layer = _culprit(network, bound, weights, losses_of, rolled)
            raise ValueError(_message(network, layer, found, expected))
        is_finite |= bool(np.isfinite(_flat(expected)).all())
    if not is_finite:
        raise ValueError(
            f"the model {network.model.name} has no finite gradient for any of "
            f"{len(batch[0])} random examples: check its initial weights"
        )


def _moved(weights: Sequence[NDArray[Any]]) -> list[Tensor]:
    """Move weights a little, since layers that start with zeros would hide others."""
    rng = np.random.default_rng(0)
    steps = [
        0.3 * rng.normal(size=w.shape) / np.sqrt(prod(w.shape[:-1])) for w in weights
    ]
    return [
        tf.convert_to_tensor(np.add(w, step).astype(w.dtype))
        for w, step in zip(weights, steps, strict=True)
    ]


def _alone(
    weights: list[Tensor], bind: Bind, losses_of: Losses, batch: Sequence[Tensor]
) -> list[Tensor]:
    """Return the gradients of the loss of a batch of one example."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        losses = losses_of(bind(weights), *batch)
    gradients = tape.gradient(
        losses, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return [tf.convert_to_tensor(each) for each in gradients]


def _message(
    network: Network,
    layer: str | None,
    found: list[NDArray[Any]],
    expected: list[NDArray[Any]],
) -> str:
    norms = [float(np.linalg.norm(_flat(each))) for each in (expected, found)]
    seen = (
        f"the gradient of an example has norm {norms[0]:.4g} alone and {norms[1]:.4g} "
        "in a batch"
    )
    if layer is not None:
        return f"{layer} mixes the examples of a batch ({seen}): {REMEDY}"
    names = [v.path for v in network.model.trainable_variables]
    errors = [np.linalg.norm(f - e) for f, e in zip(found, expected, strict=True)]
    worst = names[int(np.argmax(errors))]
    return (
        f"the gradients of single examples by {worst!r} are wrong ({seen}): the first "
        "axis of its layer must be that of the examples, so replace the layer"
    )


def _culprit(
    network: Network,
    bind: Bind,
    weights: list[Tensor],
    losses_of: Losses,
    batch: Sequence[NDArray[Any]],
) -> str | None:
    """Return the first layer whose output for the first example the others change.

    It is the loss if no layer does that, and None if the loss does not either.
    """

    def outputs(*batch: NDArray[Any]) -> tuple[list[tuple[str, Any]], Tensor]:
        tensors = [tf.convert_to_tensor(each) for each in batch]
        seen: list[tuple[str, Any]] = []
        with LOCK, ExitStack() as stack:
            for layer in network.model._flatten_layers(include_self=False):
                stack.enter_context(shadowed(layer, _noting(layer, seen)))
            losses = losses_of(bind(weights), *tensors)
        return seen, losses

    alone, loss = outputs(*[each[:1] for each in batch])
    together, losses = outputs(*batch)
    for (name, one), (_, first) in zip(alone, together, strict=False):
        if one.shape != first.shape or not _agree(first, one):
            return f"the layer {name!r}"
    return None if _agree(losses[:1].numpy(), loss.numpy()) else "the loss"


def _noting(layer: Any, seen: list[tuple[str, Any]]) -> Callable[..., Any]:
    """Return the layer's function ``call`` that notes its output for one example."""
    thread, call = get_ident(), layer.call

    def noted(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        first = tf.nest.flatten(outputs)[0]
        is_eager = tf.is_tensor(first) and not tf.is_symbolic_tensor(first)
        if get_ident() == thread and is_eager and first.shape.rank:
            seen.append((layer.name, np.asarray(first[:1], np.float32)))
        return outputs

    return noted


def _flat(gradients: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.ravel(each) for each in gradients])


def _agree(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Return whether two arrays are equal up to rounding; so are equal NaN."""
    if not np.isfinite(expected).all():
        return not np.isfinite(found).all()
    error = float(np.linalg.norm(found - expected))
    return error <= TOLERANCE * float(np.linalg.norm(expected)) + 1e-12
