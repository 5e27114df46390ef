"""Recurrent layers without a loop in the graph, which TensorFlow cannot vectorise."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from fedrobust.backend import keras


class _InThisThread:
    """True in the thread that created it. Others may trace the same layer."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def __bool__(self) -> bool:
        return get_ident() == self._thread


@contextmanager
def unrolled(layer: Any) -> Iterator[None]:
    """Trace the recurrent layers within a layer or model step by step, in the context.

    ``vectorized_map`` fails for the gradient of a loop whose TensorArray is not used.
    """
    loops = [
        each for each in layer._flatten_layers() if isinstance(each, keras.layers.RNN)
    ]
    before = [each.unroll for each in loops]
    for each in loops:
        object.__setattr__(each, "unroll", _InThisThread())
    try:
        yield
    finally:
        for each, value in zip(loops, before, strict=True):
            object.__setattr__(each, "unroll", value)
