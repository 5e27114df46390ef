"""A Keras model as a pure function of its arrays.

One model serves all clients, rounds and threads. Its weights are arguments, so it is
never rebuilt or retraced, and threads share no weights.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import keras, tf
from fedrobust.network.graphs import Graph, dtypes_in, step_by_step
from fedrobust.network.keras_errors import cause_of

Arrays = dict[str, NDArray[Any]]
Tensor = Any

# Floats with fewer exponent bits than float32.
NARROW = {"float16", "float8_e4m3fn", "float8_e5m2"}


class Network:
    """A Keras model without its weights.

    Parameters
    ----------
    model
        A built ``keras.Model`` that returns logits.

    Attributes
    ----------
    trainable, statistics
        Names of the trainable variables, and of the other float variables, such as
        batch-norm statistics. Together they are the federated model. A name is the
        variable's position in the model followed by its path, without the numbers that
        Keras appends to layer names, because these depend on what else the process has
        built.
    optional_statistics
        Names of the statistics that clients may leave unchanged.
    seeds
        Positions of the states of seed generators, such as a dropout layer's, among the
        non-trainable variables.
    draws
        Whether the model has seed generators.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._fixed = list(model.non_trainable_variables)
        # Positions of the variables ``branch`` of dual normalisation layers.
        self.branches = [
            i for i, v in enumerate(self._fixed) if v.path.endswith("/branch")
        ]
        floats = [*model.trainable_variables, *filter(_is_float, self._fixed)]
        names = [
            f"{position:03d}/{re.sub(r'_[0-9]+(?=/|$)', '', variable.path)}"
            for position, variable in enumerate(floats)
        ]
        self._variables = dict(zip(names, floats, strict=True))
        self.trainable = names[: len(model.trainable_variables)]
        self.statistics = names[len(model.trainable_variables) :]
        self.optional_statistics = [
            name
            for name in self.statistics
            if name.endswith(("/noise_mean", "/noise_variance"))
        ]
        self.seeds = [i for i, v in enumerate(self._fixed) if _is_seed(v)]
        self.draws = bool(self.seeds)
        # Whether the model cannot be compiled because it uses Keras's global generator.
        self.draws_unseeded = False
        self._compiled: dict[Any, Callable[..., Any]] = {}

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return int(self.model.output_shape[-1])

    def arrays(self) -> Arrays:
        """Return copies of the model's current weights, by name."""
        return {name: v.numpy() for name, v in self._variables.items()}

    def assign(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Assign weights to the Keras model, in order to save it."""
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def split(
        self,
        arrays: Mapping[str, NDArray[Any]],
        seed: Sequence[int] | NDArray[Any] = (0, 0),
        one_stream: bool = False,
    ) -> tuple[list[Any], list[Any]]:
        """Return arrays in the order in which the model's functions take them.

        Parameters
        ----------
        arrays
            Weights and statistics, by name.
        seed
            Two integers: the state of the first seed generator, such as a dropout
            layer's. The first integer of each further generator is larger by 1; layers
            count their steps in the second.
        one_stream
            Give every generator the same state, so that layers of equal size draw the
            same numbers.

        Returns
        -------
        trainable
            Trainable weights, in the model's order.
        fixed
            Statistics, seed generators and other non-trainable variables, in the
            model's order.
        """
        fixed: list[Any] = []
        statistics = iter(self.statistics)
        streams = count(step=0 if one_stream else 1)
        for variable in self._fixed:
            if _is_float(variable):
                fixed.append(arrays[next(statistics)])
            elif _is_seed(variable):
                dtype = np.dtype(variable.dtype)
                state = np.add(seed, (next(streams), 0), dtype=np.int64)
                fixed.append(state.astype(dtype))
            else:
                fixed.append(np.asarray(variable.numpy()))
        return [arrays[name] for name in self.trainable], fixed

    def join(self, trainable: Sequence[Any], fixed: Sequence[Any]) -> Arrays:
        """Return arrays by name, the inverse of ``split``; only floats are included."""
        floats = [v for i, v in enumerate(fixed) if _is_float(self._fixed[i])]
        values = map(np.asarray, [*trainable, *floats])
        return dict(zip(self._variables, values, strict=True))

    @property
    def has_graph(self) -> bool:
        """True if the model can be traced; otherwise a warning is issued once."""
        return self._trace is not None

    @cached_property
    def is_narrow(self) -> bool:
        """True if the model computes with floats in which small gradients underflow.

        It is also true if the model cannot be traced, because its dtypes are unknown.
        """
        return self._trace is None or bool(NARROW & self.dtypes)

    @cached_property
    def dtypes(self) -> set[str]:
        """Names of the dtypes of the computation; empty if it cannot be traced."""
        return set() if self._trace is None else dtypes_in(self._trace)

    @cached_property
    def _trace(self) -> Any:
        """The graph of the model in inference and training; None if there is none."""
        model = self.model
        shape = (None, *model.input_shape[1:])

        def call(x: Tensor) -> None:
            for training in (False, True):
                with self.names():
                    model.stateless_call(
                        [v.value for v in model.trainable_variables],
                        [v.value for v in model.non_trainable_variables],
                        x,
                        training=training,
                    )

        try:
            trace = tf.function(call, autograph=False).get_concrete_function(
                tf.TensorSpec(shape, tf.float32)
            )
            own = {id(v.value) for v in model.variables}
            others = [v.name for v in trace.graph.variables if id(v) not in own]
            if any("seed_generator" in name for name in others):
                # Keras's own generator, of which each thread has another.
                self.draws_unseeded = True
                raise ValueError(
                    "it draws random numbers without a keras.random.SeedGenerator of "
                    "its own"
                )
            return trace
        except Exception as error:
            # A user's layers may raise anything when they get symbolic tensors.
            warnings.warn(
                f"the model {model.name} cannot be compiled, so it runs step by step, "
                f"many times slower: {cause_of(error)}",
                stacklevel=2,
            )
            return None

    def names(self) -> AbstractContextManager[Any]:
        """Return a name scope for models with a layer whose name starts with ``_``.

        Keras names layers by their classes, and TensorFlow refuses a leading underscore
        in a name at the root.
        """
        hidden = any(layer.name.startswith("_") for layer in self.model.layers)
        return tf.name_scope("model") if hidden else nullcontext()

    def function(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Return a compiled function of tensors that calls the model.

        If the model cannot be compiled, the function runs eagerly, with equal results.
        """
        if self.has_graph:
            compiled: Callable[..., Any] = tf.function(run, autograph=False)
            return compiled
        return lambda *args: run(*tf.nest.map_structure(tf.convert_to_tensor, args))

    def graph(
        self, run: Callable[..., Any], signature: Sequence[Any]
    ) -> Callable[..., Any]:
        """Return such a function for one signature, to which arguments are cast."""
        return Graph(run, signature) if self.has_graph else step_by_step(run, signature)

    def compiled(
        self, key: Any, make: Callable[["Network"], Callable[..., Any]]
    ) -> Callable[..., Any]:
        """Return the function for a key, made at the key's first use."""
        if key not in self._compiled:
            self._compiled[key] = make(self)
        return self._compiled[key]


def _is_seed(variable: Any) -> bool:
    return "seed_generator" in variable.path


def _is_float(variable: Any) -> bool:
    # Keras's test, because NumPy has no bfloat16.
    return bool(keras.backend.is_float_dtype(variable.dtype))


def network_of(model: Any, input_shape: tuple[int, ...] | None = None) -> Network:
    """Return the network of a Keras model, cached together with its graphs.

    Parameters
    ----------
    model
        A ``keras.Model``.
    input_shape
        Shape of one input, for a model without ``input_shape``.
    """
    return _network_of(model, None if hasattr(model, "input_shape") else input_shape)


@lru_cache(maxsize=8)
def _network_of(model: Any, input_shape: tuple[int, ...] | None) -> Network:
    return Network(model if input_shape is None else with_shapes(model, input_shape))


def with_shapes(model: Any, input_shape: Sequence[int]) -> Any:
    """Return a functional model around a subclassed one, which has no shapes.

    Both share their variables. A model that has shapes is returned unchanged.
    """
    if hasattr(model, "input_shape"):
        return model
    inputs = keras.Input(tuple(input_shape))
    return keras.Model(inputs, model(inputs))


def cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Return the (batch,) cross-entropies of integer labels and logits."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def save_model(model: Any, path: Any) -> None:
    """Save a Keras model as a ``.keras`` file."""
    keras.saving.save_model(model, path)
