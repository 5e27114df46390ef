"""What a model keeps or adds to the loss must not depend on the examples.

Neither is clipped, so it would release what the examples are.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from fedrobust.backend import tf
from fedrobust.network.network import Network, Tensor


def reached(
    outputs: Iterable[Tensor],
    inputs: Sequence[Tensor],
    stops: Iterable[Tensor] = (),
    constant: str | None = None,
) -> set[int]:
    """Return the positions of the inputs on which outputs depend in the graph.

    Parameters
    ----------
    outputs, inputs
        Tensors of the current graph.
    stops
        Tensors behind which nothing counts.
    constant
        Type of operations behind which nothing counts either.
    """
    names = {tensor.name: i for i, tensor in enumerate(inputs)}
    seen = {tensor.name for tensor in stops}
    pending, found = list(outputs), set()
    while pending:
        tensor = pending.pop()
        if tensor.name in names:
            found.add(names[tensor.name])
        elif tensor.name not in seen and tensor.op.type != constant:
            seen.add(tensor.name)
            pending += tensor.op.inputs
    return found


def require_independence(
    network: Network, model: Any, batch: Sequence[Tensor], before: Sequence[Any]
) -> None:
    """Raise ValueError if what a bound model keeps or adds depends on the examples.

    Parameters
    ----------
    network
        The model.
    model
        The bound model, after the losses were computed.
    batch
        The examples.
    before
        Its non-trainable variables before.
    """
    for variable, old, new in zip(
        network.model.non_trainable_variables, before, model.fixed, strict=True
    ):
        is_float = tf.convert_to_tensor(new).dtype.is_floating
        if is_float and _depends(new, old, batch):
            layer = variable.path.rsplit("/", 1)[0]
            raise ValueError(
                f"the layer {layer!r} keeps statistics of the examples of a batch, and "
                "mixes them: use model.norm=group or model.norm=layer instead of "
                "batch normalisation"
            )
    if any(_depends(loss, loss, batch) for loss in model.losses):
        layers = network.model._flatten_layers()
        names = [
            repr(each.name) for each in layers if each.activity_regularizer is not None
        ]
        raise ValueError(
            f"the layer {', '.join(names) or 'that calls add_loss'} adds a loss of its "
            "outputs, which no clipping of single examples bounds: leave out its "
            "activity regulariser, or add_loss"
        )


def _depends(value: Any, before: Any, batch: Sequence[Tensor]) -> bool:
    """Return whether a value depends on the examples, or else has changed."""
    if tf.is_symbolic_tensor(value):
        return bool(reached([value], batch))
    return tf.executing_eagerly() and not bool(tf.reduce_all(value == before))
