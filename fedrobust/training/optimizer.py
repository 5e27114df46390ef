"""A Keras optimiser as a pure function of its state, gradients and weights.

Its state is fresh in each round, except for the step count of a learning-rate schedule,
which includes the steps of earlier rounds. (Setting ``iterations`` would be right only
for SGD: Adam and others use it to correct the bias of fresh moments.)

Keras offers stateless optimisers for every backend except TensorFlow. There, the
optimiser class replaces the general update by one that needs ``tf.Variable`` objects,
for ``tf.distribute``. The general update still exists in the base class, and works on
whatever values a ``keras.StatelessScope`` substitutes for variables.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras
from fedrobust.network import Tensor

# Options that act outside of a single step, which this class would get wrong.
UNSUPPORTED = ("use_ema", "gradient_accumulation_steps")


class PureOptimizer:
    """A Keras optimiser without its state.

    Parameters
    ----------
    optimizer
        A fresh ``keras.optimizers.Optimizer``, which this object modifies and keeps.
    variables
        The model's trainable variables, which determine the shapes of the state.

    Attributes
    ----------
    initial_state
        State before the first step.
    loss_scale
        Keras's ``loss_scale_factor``: multiply the loss by it before differentiating,
        and divide the gradients by it; None for no scaling.
    is_scheduled
        Whether the learning rate is a Keras schedule.

    Raises
    ------
    ValueError
        When the optimiser does more than take steps, such as averaging weights, or when
        its initial state contains the initial weights, which differ in every round.
    """

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        _require_steps(optimizer)
        # The training loop rescales the gradients, because it adds terms to them.
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
                f"the state of {type(optimizer).__name__} starts with the weights it "
                "is built on, but each round starts with others: choose another"
            )

    def state_after(self, steps: int) -> list[NDArray[Any]]:
        """Return the state of a client that took ``steps`` steps in earlier rounds."""
        if not self.is_scheduled:
            return self.initial_state
        return [*self.initial_state[:-1], np.asarray(steps, np.int64)]

    def with_learning_rate(self, rate: float) -> Self:
        """Return a copy with another constant learning rate and the same graph.

        Raises
        ------
        ValueError
            When the rate is a schedule or a function, not a constant.
        """
        is_rate = [v is self._optimizer.learning_rate for v in self._state]
        if not any(is_rate):
            name = type(self._optimizer).__name__
            raise ValueError(
                f"the learning rate of {name} is not a constant number, so it cannot "
                "be changed"
            )
        other, index = copy.copy(self), is_rate.index(True)
        other.initial_state = list(self.initial_state)
        other.initial_state[index] = np.full_like(self.initial_state[index], rate)
        return other

    def __call__(
        self, state: list[Tensor], gradients: list[Tensor], trainable: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the weights and the state after one step."""
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
    """Add a variable to the step count of a schedule.

    Returns
    -------
    The variable, the number of steps before this round, in a list; an empty list if the
    rate is not a schedule.
    """
    base: Any = keras.optimizers.schedules.LearningRateSchedule
    schedule = optimizer._learning_rate
    if not isinstance(schedule, base):
        return []
    before = keras.Variable(0, dtype="int64", trainable=False, name="steps_before")
    # Defined here because Keras is imported lazily.
    continued = type(
        "Continued", (base,), {"__call__": lambda self, step: schedule(step + before)}
    )
    optimizer.learning_rate = continued()
    return [before]


def _holds(state: NDArray[Any], weights: NDArray[Any]) -> bool:
    """Return whether state is a copy of weights; constant weights prove nothing."""
    varied = weights.size > 0 and np.ptp(weights) > 0
    return bool(varied and np.array_equal(state, weights))


def _unlisted(optimizer: Any) -> list[Any]:
    """Return variables that an optimiser has but does not list (Nadam has one)."""
    listed = set(map(id, optimizer.variables))
    kept = [v for v in vars(optimizer).values() if isinstance(v, keras.Variable)]
    return [v for v in kept if id(v) not in listed]


def _without_tensorflow(optimizer_class: type[Any]) -> type[Any]:
    """Return a subclass in which Keras's general methods replace TensorFlow's.

    In the method resolution order they follow the optimiser's own methods, which may
    override and call them.
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
