"""A Keras optimiser as a pure function of its state, gradients and weights.

Keras has this for every backend but TensorFlow, whose optimiser class replaces the
general update by one that needs variables (for ``tf.distribute``). The general one is
still there, in the base class; it works on whatever Keras variables stand for.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.network import Tensor


class PureOptimizer:
    """A Keras optimiser without its state.

    Parameters
    ----------
    optimizer
        A fresh ``keras.optimizers.Optimizer``; it is taken over.
    variables
        The model's trainable variables, which give it their shapes.

    Attributes
    ----------
    initial_state
        State before the first step.
    """

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        optimizer.__class__ = _without_tensorflow(type(optimizer))
        optimizer.build(variables)
        self._apply: Callable[..., Any] = optimizer.stateless_apply
        self.initial_state: list[NDArray[Any]] = [
            np.asarray(v.numpy()) for v in optimizer.variables
        ]

    def __call__(
        self, state: list[Tensor], gradients: list[Tensor], trainable: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Take one step; give the new weights and the new state."""
        trainable, state = self._apply(state, gradients, trainable)
        return list(trainable), list(state)


def _without_tensorflow(optimizer_class: type[Any]) -> type[Any]:
    """Subclass an optimiser so that Keras's general methods win over TensorFlow's."""
    by_name = {c.__name__: c for c in optimizer_class.__mro__}
    special, general = vars(by_name["TFOptimizer"]), vars(by_name["BaseOptimizer"])
    methods = {
        name: general[name]
        for name in special
        if name in general and not name.startswith("__")
    }
    return type(optimizer_class.__name__, (optimizer_class,), methods)
