"""The rule of embeddings: the rows of a table."""

from collections.abc import Sequence

from fedrobust.backend import tf
from fedrobust.network.network import Tensor
from fedrobust.network.per_example.pieces import Lookup, Piece
from fedrobust.network.per_example.units import Call


def embedding(
    calls: Sequence[Call], upstream: Sequence[Tensor]
) -> dict[int, Piece] | None:
    """Return the piece of an ``Embedding`` layer; None if its inputs have no size."""
    layer = calls[0].unit.layer
    if any(None in call.x.shape[1:] for call in calls):
        return None
    counts = [call.x.shape[1:].num_elements() for call in calls]
    numbers = [
        tf.reshape(tf.cast(call.x, tf.int32), [-1, count])
        for call, count in zip(calls, counts, strict=True)
    ]
    gradients = [
        tf.reshape(g, [-1, count, layer.output_dim])
        for g, count in zip(upstream, counts, strict=True)
    ]
    joined = [tf.concat(numbers, axis=1), tf.concat(gradients, axis=1)]
    return {id(layer.embeddings): Lookup(joined, layer.input_dim)}
