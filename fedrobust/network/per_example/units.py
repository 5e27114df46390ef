"""The layers whose gradients are taken one by one, and the recording of their calls.

A unit is a layer with weights. While a graph is traced, its ``call`` is shadowed by a
function that records what goes in and comes out. The gradient of each example by the
weights of a unit then follows from these tensors and the gradient at its output.

Keras lets no public function do this: the sublayers of a layer (``_layers``) and the
attribute ``call`` of an instance are its internals.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from threading import RLock, get_ident
from typing import Any, NamedTuple

from fedrobust.backend import keras, tf
from fedrobust.network.network import Tensor

# Layers whose weights' gradients have a rule. Their subclasses may compute otherwise.
LINEAR = ("Dense", "EinsumDense", "Conv1D", "Conv2D")
RULED = (*LINEAR, "Embedding", "LayerNormalization", "GroupNormalization")
WEIGHTS = ("kernel", "bias", "_embeddings", "gamma", "beta")


# All threads share the layers of a model, and tracing shadows their functions.
LOCK = RLock()


@dataclass(frozen=True, eq=False)
class Unit:
    """A layer and those trainable variables whose gradients it accounts for.

    Attributes
    ----------
    layer
        The Keras layer.
    call
        Its function ``call``, not shadowed.
    variables
        The trainable variables.
    kind
        The name of its class if there is a rule for it, else None.
    """

    layer: Any
    call: Callable[..., Any]
    variables: list[Any]
    kind: str | None

    def run(self, args: Any, kwargs: Any) -> tuple[Any, list[Tensor]]:
        """Call the layer; return its outputs, and those tensors to differentiate by.

        The latter are the outputs before the activation for a linear layer.
        """
        if self.kind not in LINEAR:
            outputs = self.call(*args, **kwargs)
            return outputs, [t for t in tf.nest.flatten(outputs) if _is_float(t)]
        before: list[Tensor] = []
        activation, thread = self.layer.activation, get_ident()

        def recorded(z: Tensor) -> Tensor:
            # Other threads may call the layer at the same time.
            if get_ident() == thread:
                before.append(z)
            return z if activation is None else activation(z)

        # Keras's own ``__setattr__`` would track the function as a part of the model.
        object.__setattr__(self.layer, "activation", recorded)
        try:
            outputs = self.call(*args, **kwargs)
        finally:
            object.__setattr__(self.layer, "activation", activation)
        return outputs, before


class Call(NamedTuple):
    """One call of a unit.

    Attributes
    ----------
    unit
        The unit.
    args, kwargs
        The arguments of the call.
    watched
        The tensors to differentiate by, as from ``Unit.run``.
    values
        The variables of the layer with their values at the call.
    draws
        Whether the call drew random numbers, so that another would draw others.
    """

    unit: Unit
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    watched: list[Tensor]
    values: list[tuple[Any, Tensor]]
    draws: bool

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return list(filter(tf.is_tensor, tf.nest.flatten((self.args, self.kwargs))))

    @property
    def x(self) -> Tensor:
        """The first argument, by position or by name."""
        return [*self.args, *self.kwargs.values()][0]

    def value(self, variable: Any) -> Tensor:
        """Return the value of a variable of the layer."""
        return next(value for v, value in self.values if v is variable)


def units_of(model: Any, whole: Collection[Any] = ()) -> list[Unit] | None:
    """Return the units of a Keras model; None if the model itself is one.

    Parameters
    ----------
    model
        The model.
    whole
        Layers to take as one unit with all of their sublayers.
    """
    units: list[Unit] = []
    pending, seen = [model], set()
    while pending:
        layer = pending.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        children = layer._flatten_layers(include_self=False, recursive=False)
        below = {id(v) for child in children for v in child.trainable_variables}
        own = [v for v in layer.trainable_variables if id(v) not in below]
        kind = _kind(layer, own)
        is_whole = layer in whole or (own and kind is None)
        if is_whole and layer is model:
            return None
        if is_whole:
            units.append(Unit(layer, layer.call, layer.trainable_variables, None))
            continue
        if own:
            units.append(Unit(layer, layer.call, own, kind))
        pending += children
    return units


def parents_of(model: Any, layer: Any) -> list[Any]:
    """Return the layers of which a layer is a part."""
    return [
        other
        for other in model._flatten_layers()
        if any(
            child is layer
            for child in other._flatten_layers(include_self=False, recursive=False)
        )
    ]


@contextmanager
def recorded(units: Sequence[Unit], current: Callable[[Any], bool]) -> Iterator[Any]:
    """Record the calls of units in the current graph, by this thread.

    Parameters
    ----------
    units
        The units.
    current
        Function that returns whether a trainable variable has the value by which to
        differentiate. A call with other weights, such as the received model's, is not
        recorded.

    Yields
    ------
    The list of calls, which grows.
    """
    calls: list[Call] = []
    thread, graph = get_ident(), tf.compat.v1.get_default_graph()

    def shadow(unit: Unit) -> Callable[..., Any]:
        @wraps(unit.call)
        def call(*args: Any, **kwargs: Any) -> Any:
            is_here = (
                get_ident() == thread
                and tf.compat.v1.get_default_graph() is graph
                and all(map(current, unit.variables))
            )
            if not is_here:
                return unit.call(*args, **kwargs)
            values = [(v, v.value) for v in unit.layer.variables]
            outputs, watched = unit.run(args, kwargs)
            draws = any(
                v.value is not value and "seed_generator" in v.path
                for v, value in values
            )
            calls.append(Call(unit, args, kwargs, watched, values, draws))
            return outputs

        return call

    with ExitStack() as stack:
        for unit in units:
            stack.enter_context(shadowed(unit.layer, shadow(unit)))
        yield calls


@contextmanager
def shadowed(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    """Replace the function ``call`` of one layer, in the context."""
    own = vars(layer).get("call")
    object.__setattr__(layer, "call", call)
    try:
        yield
    finally:
        if own is None:
            object.__delattr__(layer, "call")
        else:
            object.__setattr__(layer, "call", own)


def _kind(layer: Any, own: Sequence[Any]) -> str | None:
    """Return the name of the rule for a layer; None if there is none."""
    name = type(layer).__name__
    if name not in RULED or type(layer) is not getattr(keras.layers, name):
        return None
    # Not so with LoRA or quantisation, which compute the kernel from other variables.
    known = {id(getattr(layer, weight, None)) for weight in WEIGHTS}
    plain = not getattr(layer, "quantization_mode", None)
    return name if plain and all(id(v) in known for v in own) else None


def _is_float(value: Any) -> bool:
    return bool(tf.is_tensor(value) and value.dtype.is_floating)
