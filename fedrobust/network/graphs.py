"""Functions of tensors with one signature: traced once, or run as plain Python."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from fedrobust.backend import tf


class Graph:
    """A function of tensors with a single trace, which is called directly.

    ``tf.function`` searches for the matching trace in each call, which takes longer
    than a step of a small model.
    """

    def __init__(self, run: Callable[..., Any], signature: Sequence[Any]) -> None:
        self._signature = tuple(signature)
        self._function = tf.function(run, autograph=False, input_signature=signature)

    @cached_property
    def trace(self) -> Callable[..., Any]:
        """The trace, made at first use."""
        traced: Callable[..., Any] = self._function.get_concrete_function()
        return traced

    def __call__(self, *args: Any) -> Any:
        """Call the trace with arrays in the structure of the signature."""
        return self.trace(*_cast(args, self._signature))


def step_by_step(
    run: Callable[..., Any], signature: Sequence[Any]
) -> Callable[..., Any]:
    """Return a function that runs eagerly, with arguments cast to a signature."""
    return lambda *args: run(*_cast(args, signature))


def dtypes_in(trace: Any) -> set[str]:
    """Return the names of the dtypes that a traced function computes with."""
    definition = trace.graph.as_graph_def()
    bodies = [function.node_def for function in definition.library.function]
    found: set[int] = set()
    for node in (*definition.node, *(node for body in bodies for node in body)):
        for attribute in node.attr.values():
            found |= {attribute.type, *attribute.list.type}
    return {tf.dtypes.as_dtype(number).name for number in found - {0}}


def _cast(values: Any, signature: Any) -> Any:
    """Return tensors of the specified dtypes, as ``tf.function`` does."""
    return tf.nest.map_structure(
        lambda value, spec: tf.convert_to_tensor(value, spec.dtype), values, signature
    )
