"""Clipped gradients by one backward pass, with a rule for each kind of layer.

The examples' gradients at the outputs of all layers come from one backward pass over
the batch, because the losses are summed and each depends on its own example. From these
and the layers' inputs follow the norms, and then the sum of the clipped gradients,
without a second backward pass. Rochette, Manoel, Tramel: Efficient Per-Example Gradient
Computations in Convolutional Neural Networks, arXiv 1912.06015; Bu, Wang, Zha, Karypis:
Differentially Private Optimization on Large Model at Small Cost, ICML 2023.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fedrobust.backend import tf
from fedrobust.network.network import Network, Tensor
from fedrobust.network.per_example.any_layer import any_layer, has_examples
from fedrobust.network.per_example.convolution import convolution
from fedrobust.network.per_example.embedding import embedding
from fedrobust.network.per_example.factors import Clipped, clipping_factors
from fedrobust.network.per_example.independence import (
    reached,
    require_independence,
)
from fedrobust.network.per_example.linear import dense, einsum_dense
from fedrobust.network.per_example.normalization import normalization
from fedrobust.network.per_example.pieces import Piece
from fedrobust.network.per_example.units import (
    LOCK,
    Call,
    Unit,
    parents_of,
    recorded,
    units_of,
)

RULES: dict[str | None, Callable[..., dict[int, Piece] | None]] = {
    "Dense": dense,
    "EinsumDense": einsum_dense,
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Embedding": embedding,
    "LayerNormalization": normalization,
    "GroupNormalization": normalization,
}


# Examples of a batch that is traced to see which axis is theirs; a size that no other
# axis is likely to have.
ROWS = 1009


def by_layers(
    network: Network,
    weights: list[Tensor],
    bind: Callable[[Sequence[Tensor]], Any],
    losses_of: Callable[..., Tensor],
    batch: Sequence[Tensor],
    clip: Tensor,
    mask: Tensor,
) -> Clipped | None:
    """Return what ``clipped_sum`` does; None for models that are not a sum of layers.

    Such are models that use a weight outside of its layer or in another graph, random
    layers without a rule, and layers whose first axis is not that of the examples.
    """
    variables = network.model.trainable_variables
    # Tensors of this graph, wherever the caller's are from.
    weights = [tf.identity(w) for w in weights]
    batch = [_of_unknown_size(t) for t in batch]
    with LOCK:
        if not _has_own_rows(network, weights, bind, losses_of, batch):
            return None
        traced = _trace(network, weights, bind, losses_of, batch)
        if traced is None:
            return None
        model, losses, calls = traced
        pieces = _pieces(calls, losses)
    if pieces is None:
        return None
    norms = [piece.squared_norms() for piece in pieces.values()]
    squared = tf.add_n([tf.zeros_like(losses), *norms])
    factors = clipping_factors(squared, clip, mask)
    pieces = _only_finite(pieces, squared, factors)
    gradients = [
        pieces[id(v)].weighted_sum(factors) if id(v) in pieces else tf.zeros_like(w)
        for v, w in zip(variables, weights, strict=True)
    ]
    fixed = [tf.convert_to_tensor(each) for each in model.fixed]
    return Clipped(gradients, tf.sqrt(tf.maximum(squared, 0.0)), losses, fixed)


def _has_own_rows(
    network: Network,
    weights: list[Tensor],
    bind: Callable[[Sequence[Tensor]], Any],
    losses_of: Callable[..., Tensor],
    batch: Sequence[Tensor],
) -> bool:
    """Return whether each layer has one row for each example.

    Objectives may call the model once for clean and attacked inputs, and layers may
    fold another axis into the first. A batch of known size shows it while tracing.
    """
    units = units_of(network.model, [])
    sizes: list[int | None] = []

    def trace(*examples: Tensor) -> None:
        with recorded(units or [], lambda _: True) as calls:
            losses = losses_of(bind(weights), *examples)
        outputs = [losses, *(t for call in calls for t in call.watched)]
        sizes.extend(t.shape[0] if t.shape.rank else None for t in outputs)

    specs = [tf.TensorSpec((ROWS, *t.shape[1:]), t.dtype) for t in batch]
    tf.function(trace, autograph=False).get_concrete_function(*specs)
    return set(sizes) <= {ROWS, None}


def _trace(
    network: Network,
    weights: list[Tensor],
    bind: Callable[[Sequence[Tensor]], Any],
    losses_of: Callable[..., Tensor],
    batch: Sequence[Tensor],
) -> tuple[Any, Tensor, list[Call]] | None:
    """Compute the losses while recording the units' calls.

    A unit whose weights have an effect that was not recorded, such as the cell of a
    recurrent layer, which runs in a graph of its own, is part of a larger unit.
    """
    keras_model = network.model
    positions = {id(v): i for i, v in enumerate(keras_model.trainable_variables)}

    def is_current(variable: Any) -> bool:
        return variable.value is weights[positions[id(variable)]]

    whole: list[Any] = []
    while True:
        units = units_of(keras_model, whole)
        if units is None:
            return None
        model = bind(weights)
        before = list(model.fixed)
        with recorded(units, is_current) as calls:
            losses = losses_of(model, *batch)
        require_independence(network, model, batch, before)
        escaped = _escaped(losses, calls, weights, positions)
        if not escaped:
            redraws = any(call.draws and call.unit.kind is None for call in calls)
            return None if redraws else (model, losses, calls)
        for unit in units:
            if any(positions[id(v)] in escaped for v in unit.variables):
                whole += parents_of(keras_model, unit.layer)


def _escaped(
    losses: Tensor,
    calls: list[Call],
    weights: list[Tensor],
    positions: dict[int, int],
) -> set[int]:
    """Return the positions of weights with an effect outside of their units' calls."""
    between = [losses, *(t for call in calls for t in call.tensors)]
    stops = [t for call in calls for t in call.watched]
    found = reached(between, weights, stops, "StopGradient")
    for call in calls:
        within = reached(call.watched, weights, call.tensors, "StopGradient")
        found |= within - {positions[id(v)] for v in call.unit.variables}
    return found


def _pieces(calls: list[Call], losses: Tensor) -> dict[int, Piece] | None:
    """Return the pieces of all weights; None if one has pieces of several units."""
    if any(not has_examples(t) for call in calls for t in call.watched):
        return None
    watched = [call.watched for call in calls]
    flat = tf.gradients(losses, tf.nest.flatten(watched))
    upstream = tf.nest.pack_sequence_as(watched, flat)
    by_unit: dict[Unit, tuple[list[Call], list[list[Tensor]]]] = {}
    for call, gradients in zip(calls, upstream, strict=True):
        if all(g is None for g in gradients):
            continue
        dense = [
            tf.zeros_like(t) if g is None else tf.convert_to_tensor(g)
            for t, g in zip(call.watched, gradients, strict=True)
        ]
        its_calls, its_gradients = by_unit.setdefault(call.unit, ([], []))
        its_calls.append(call)
        its_gradients.append(dense)
    pieces: dict[int, Piece] = {}
    for unit, (its_calls, its_gradients) in by_unit.items():
        found = None
        if unit.kind is not None:
            found = RULES[unit.kind](its_calls, [g[0] for g in its_gradients])
        if found is None:
            found = any_layer(its_calls, its_gradients)
        if pieces.keys() & found.keys():
            return None
        pieces |= found
    return pieces


def _of_unknown_size(tensor: Tensor) -> Tensor:
    """Hide the number of examples, so that no other axis can be taken for theirs."""
    return tf.raw_ops.PlaceholderWithDefault(
        input=tensor, shape=[None, *tensor.shape[1:]]
    )


def _only_finite(
    pieces: dict[int, Piece], squared: Tensor, factors: Tensor
) -> dict[int, Piece]:
    """Set to 0 what is not finite, because a factor of 0 would leave it undefined."""
    tensors = [piece.tensors for piece in pieces.values()]
    if not tensors:
        return pieces

    def cleaned() -> Any:
        return tf.nest.map_structure(_zeros_where_not(factors), tensors)

    def same() -> Any:
        return tf.nest.map_structure(tf.identity, tensors)

    is_finite = tf.reduce_all(tf.math.is_finite(squared))
    kept = tf.cond(is_finite, same, cleaned)
    return {
        key: replace(piece, tensors=list(its))  # type: ignore[type-var]
        for (key, piece), its in zip(pieces.items(), kept, strict=True)
    }


def _zeros_where_not(factors: Tensor) -> Callable[[Tensor], Tensor]:
    def zeros(tensor: Tensor) -> Tensor:
        counts = tf.reshape(factors > 0, [-1] + [1] * (len(tensor.shape) - 1))
        return tf.where(counts, tensor, tf.zeros_like(tensor))

    return zeros
