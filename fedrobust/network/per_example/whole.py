"""Clipped gradients by differentiating the whole model for each example alone.

It works for every model that can be called with a single example, and takes several
times as long as the gradients of single layers (``layers``).
"""

from collections.abc import Callable, Sequence
from typing import Any

from fedrobust.backend import tf
from fedrobust.network.network import Network, Tensor
from fedrobust.network.per_example.factors import Clipped, clipping_factors
from fedrobust.network.per_example.independence import require_independence
from fedrobust.network.per_example.recurrent import unrolled
from fedrobust.network.per_example.units import LOCK

# Distance between the seeds of two examples. Generators of one model lie closer.
SEED_STEP = 65537


def whole_model(
    network: Network,
    weights: list[Tensor],
    bind: Callable[[Sequence[Tensor]], Any],
    losses_of: Callable[..., Tensor],
    batch: Sequence[Tensor],
    clip: Tensor,
    mask: Tensor,
) -> Clipped:
    """Return what ``clipped_sum`` does, one example at a time.

    The random layers of a model, such as dropout, get a seed for each row.
    """

    def one(inputs: tuple[Tensor, list[Tensor]]) -> tuple[Any, ...]:
        row, example = inputs
        model = bind(weights)
        for i in network.seeds:
            state = model.fixed[i]
            shift = tf.stack([row * SEED_STEP, tf.zeros_like(row)])
            model.fixed[i] = state + tf.cast(shift, state.dtype)
        before = list(model.fixed)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            batch_of_one = [each[None] for each in example]
            loss = losses_of(model, *batch_of_one)[0]
        require_independence(network, model, batch_of_one, before)
        gradients = tape.gradient(
            loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients = [tf.convert_to_tensor(each) for each in gradients]
        fixed = [tf.convert_to_tensor(each) for each in model.fixed]
        return loss, gradients, fixed

    rows = tf.range(tf.shape(mask)[0])
    with LOCK, unrolled(network.model):
        losses, gradients, fixed = _map(one, (rows, list(batch)))
    squares = [_flat(g) ** 2 for g in gradients]
    squared_norms = tf.add_n([tf.reduce_sum(each, axis=1) for each in squares])
    factors = clipping_factors(squared_norms, clip, mask)
    counts = factors[:, None] > 0
    sums = [
        tf.linalg.matvec(tf.where(counts, _flat(g), 0.0), factors, transpose_a=True)
        for g in gradients
    ]
    return Clipped(
        [tf.reshape(s, w.shape) for s, w in zip(sums, weights, strict=True)],
        tf.sqrt(squared_norms),
        losses,
        [each[0] for each in fixed],
    )


def _map(one: Callable[..., Any], elements: tuple[Tensor, list[Tensor]]) -> Any:
    """Vectorise in a graph; a model that has none is called example by example."""
    if not tf.executing_eagerly():
        return tf.vectorized_map(one, elements)
    rows, batch = elements
    outputs = [one((row, [each[row] for each in batch])) for row in rows]
    return tf.nest.map_structure(lambda *each: tf.stack(each), *outputs)


def _flat(gradients: Tensor) -> Tensor:
    """Return (batch, ...) gradients as (batch, size)."""
    return tf.reshape(gradients, [tf.shape(gradients)[0], -1])
