"""The rule of layer and group normalisation: a scale and an offset of what it made."""

from collections.abc import Sequence
from typing import Any

from fedrobust.backend import keras, tf
from fedrobust.network.network import Tensor
from fedrobust.network.per_example.pieces import Materialised, Piece, in_shape_of
from fedrobust.network.per_example.units import Call


def normalization(
    calls: Sequence[Call], upstream: Sequence[Tensor]
) -> dict[int, Piece]:
    """Return the pieces of a normalisation, by g x^ for the scale and g for the offset.

    The layer with scale 1 and offset 0 yields the normalised inputs x^.
    """
    layer = calls[0].unit.layer
    pieces: dict[int, Piece] = {}
    if layer.gamma is not None and layer.gamma.trainable:
        scaled = [
            g * _normalised(call) for call, g in zip(calls, upstream, strict=True)
        ]
        pieces[id(layer.gamma)] = _piece(layer, layer.gamma, scaled)
    if layer.beta is not None and layer.beta.trainable:
        pieces[id(layer.beta)] = _piece(layer, layer.beta, upstream)
    return pieces


def _piece(layer: Any, weight: Any, gradients: Sequence[Tensor]) -> Piece:
    """Sum gradients over the axes that a weight does not have."""
    rank = len(gradients[0].shape)
    axes = {axis % rank for axis in _axes(layer)}
    others = [axis for axis in range(1, rank) if axis not in axes]
    sums = [tf.reduce_sum(g, others) for g in gradients]
    return Materialised([tf.add_n(sums)], in_shape_of(weight))


def _axes(layer: Any) -> list[int]:
    return list(layer.axis) if isinstance(layer.axis, list | tuple) else [layer.axis]


def _normalised(call: Call) -> Tensor:
    layer = call.unit.layer
    plain = [(layer.gamma, tf.ones_like), (layer.beta, tf.zeros_like)]
    values = [(v, like(v.value)) for v, like in plain if v is not None]
    with keras.StatelessScope(state_mapping=values):
        return call.unit.call(*call.args, **call.kwargs)
