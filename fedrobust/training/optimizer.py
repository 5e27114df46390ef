"""A Keras optimiser as a pure function of its state, gradients and weights.

Its state is new in each round, but for what a learning-rate schedule counts: the steps
of earlier rounds are added to those of this one. (To set ``iterations`` would do for
SGD alone: Adam and others correct the bias of fresh moments by it.)

Keras has this for every backend but TensorFlow, whose optimiser class replaces the
general update by one that needs variables (for ``tf.distribute``). The general one is
still there, in the base class; it works on whatever Keras variables stand for.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.network import Tensor

# What an optimiser does beside its step, which a step alone would get wrong.
UNSUPPORTED = ("use_ema", "gradient_accumulation_steps")


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
    loss_scale
        What the loss is to be multiplied by before it is differentiated, and the
        gradients to be divided by: Keras's ``loss_scale_factor``; None for no scaling.
    is_scheduled
        Whether the learning rate is a schedule of Keras's.

    Raises
    ------
    ValueError
        When the optimiser does more than take steps, such as averaging weights, or its
        state begins with the weights, which other rounds begin elsewhere.
    """

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        _require_steps(optimizer)
        # Whoever differentiates the loss divides, too: more is added to the gradients.
        self.loss_scale: float | None = optimizer.loss_scale_factor
        optimizer.loss_scale_factor = None
        steps_before = _continue_schedule(optimizer)
        optimizer.__class__ = _without_tensorflow(type(optimizer))
        optimizer.build(variables)
        self._optimizer = optimizer
        self._variables = list(variables)
        self._state = [*optimizer.variables, *_unlisted(optimizer), *steps_before]
        self.is_scheduled = bool(steps_before)
        self.initial_state: list[NDArray[Any]] = [
            np.asarray(v.numpy()) for v in self._state
        ]
        weights = [v.numpy() for v in variables]
        if any(_holds(state, w) for state in self.initial_state for w in weights):
            raise ValueError(
                f"the state of {type(optimizer).__name__} begins with the weights it "
                "is built on, and each round begins with others: choose another"
            )

    def state_after(self, steps: int) -> list[NDArray[Any]]:
        """Return the state of a client that took ``steps`` steps in earlier rounds."""
        if not self.is_scheduled:
            return self.initial_state
        return [*self.initial_state[:-1], np.asarray(steps, np.int64)]

    def with_learning_rate(self, rate: float) -> Self:
        """Copy the optimiser, at another constant rate; its graph is the same.

        Raises
        ------
        ValueError
            When the rate is no constant but a schedule or a function.
        """
        found = [v is self._optimizer.learning_rate for v in self._state]
        if not any(found):
            name = type(self._optimizer).__name__
            raise ValueError(f"the learning rate of {name} is no number to change")
        other, index = copy.copy(self), found.index(True)
        other.initial_state = list(self.initial_state)
        other.initial_state[index] = np.full_like(self.initial_state[index], rate)
        return other

    def __call__(
        self, state: list[Tensor], gradients: list[Tensor], trainable: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Take one step; give the new weights and the new state."""
        values = [
            *zip(self._variables, trainable, strict=True),
            *zip(self._state, state, strict=True),
        ]
        with keras.StatelessScope(state_mapping=values) as scope:
            self._optimizer.apply(gradients)
        now = scope.get_current_value
        return [now(v) for v in self._variables], [now(v) for v in self._state]


def _require_steps(optimizer: Any) -> None:
    name = type(optimizer).__name__
    for option in UNSUPPORTED:
        if getattr(optimizer, option, None):
            raise ValueError(
                f"{name} has {option}={getattr(optimizer, option)}, which local "
                "training does not do: leave it out"
            )
    if hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers"):
        raise ValueError(f"{name} wraps other optimisers: name one of them instead")


def _continue_schedule(optimizer: Any) -> list[Any]:
    """Let a schedule count from a variable on, which is returned if there is one."""
    base: Any = keras.optimizers.schedules.LearningRateSchedule
    schedule = optimizer._learning_rate
    if not isinstance(schedule, base):
        return []
    before = keras.Variable(0, dtype="int64", trainable=False, name="steps_before")
    # Keras is imported late, so that the class cannot stand in the module.
    continued = type(
        "Continued", (base,), {"__call__": lambda self, step: schedule(step + before)}
    )
    optimizer.learning_rate = continued()
    return [before]


def _holds(state: NDArray[Any], weights: NDArray[Any]) -> bool:
    """Tell whether state is a copy of weights; constants, as of biases, tell not."""
    varied = weights.size > 0 and np.ptp(weights) > 0
    return bool(varied and np.array_equal(state, weights))


def _unlisted(optimizer: Any) -> list[Any]:
    """Find variables that an optimiser keeps and does not list, as Nadam does one."""
    listed = set(map(id, optimizer.variables))
    kept = [v for v in vars(optimizer).values() if isinstance(v, keras.Variable)]
    return [v for v in kept if id(v) not in listed]


def _without_tensorflow(optimizer_class: type[Any]) -> type[Any]:
    """Subclass an optimiser so that Keras's general methods win over TensorFlow's.

    They come behind the optimiser's own methods, which may override and call them.
    """
    by_name = {c.__name__: c for c in optimizer_class.__mro__}
    special, general = by_name["TFOptimizer"], vars(by_name["BaseOptimizer"])
    methods = {
        name: general[name]
        for name in vars(special)
        if name in general and not name.startswith("__")
    }
    between = type("GeneralOptimizer", (special,), methods)
    return type(optimizer_class.__name__, (optimizer_class, between), {})
