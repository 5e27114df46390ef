"""The gradients of any layer: the layer alone, called with each example alone."""

from collections.abc import Sequence
from typing import Any

from fedrobust.backend import keras, tf
from fedrobust.network.network import Tensor
from fedrobust.network.per_example.pieces import Materialised, Piece, in_shape_of
from fedrobust.network.per_example.recurrent import unrolled
from fedrobust.network.per_example.units import Call


def any_layer(
    calls: Sequence[Call], upstream: Sequence[list[Tensor]]
) -> dict[int, Piece]:
    """Return the pieces of a layer of any kind.

    Parameters
    ----------
    calls
        The calls of the layer.
    upstream
        Gradients at the tensors that each call watches.
    """
    totals: list[Tensor] = []
    for call, gradients in zip(calls, upstream, strict=True):
        found = _gradients(call, gradients)
        pairs = zip(totals, found, strict=True)
        totals = [a + b for a, b in pairs] if totals else found
    variables = calls[0].unit.variables
    return {
        id(v): Materialised([total], in_shape_of(v))
        for v, total in zip(variables, totals, strict=True)
    }


def _gradients(call: Call, upstream: list[Tensor]) -> list[Tensor]:
    """Return (batch, ...) gradients by the variables of the layer, of one call."""
    flat = tf.nest.flatten((call.args, call.kwargs))
    mapped = [i for i, value in enumerate(flat) if has_examples(value)]
    weights = [call.value(v) for v in call.unit.variables]
    ids = [id(v) for v in call.unit.variables]
    others = [(v, value) for v, value in call.values if id(v) not in ids]

    def one(example: tuple[list[Tensor], list[Tensor]]) -> list[Tensor]:
        inputs, outputs = example
        values = list(flat)
        for i, value in zip(mapped, inputs, strict=True):
            values[i] = value[None]
        args, kwargs = tf.nest.pack_sequence_as((call.args, call.kwargs), values)
        pairs = [*others, *zip(call.unit.variables, weights, strict=True)]
        # A scope, because TensorFlow refuses names at the root that start with "_".
        with keras.StatelessScope(state_mapping=pairs), tf.name_scope("layer"):
            _, watched = call.unit.run(args, kwargs)
        gradients = tf.gradients(
            watched,
            weights,
            grad_ys=[g[None] for g in outputs],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return [tf.convert_to_tensor(g) for g in gradients]

    examples = [flat[i] for i in mapped]
    with unrolled(call.unit.layer):
        found: list[Tensor] = tf.vectorized_map(one, (examples, list(upstream)))
    return found


def has_examples(value: Any) -> bool:
    """Return whether the first axis is that of the examples, whose size is unknown.

    Arguments without it are the same for all examples.
    """
    return bool(tf.is_tensor(value) and value.shape.rank and value.shape[0] is None)
