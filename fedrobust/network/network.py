"""A Keras model as a pure function of its arrays.

One model serves all clients, rounds and threads: its weights are arguments, so that
nothing is rebuilt, retraced or shared.
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

# Floats with fewer bits of exponent than float32.
NARROW = {"float16", "float8_e4m3fn", "float8_e5m2"}


class Network:
    """A Keras model without its weights.

    Parameters
    ----------
    model
        A built ``keras.Model`` that gives logits.

    Attributes
    ----------
    trainable, statistics
        Names of what is trained, and of the other float variables, such as batch-norm
        statistics. Together they are the federated model. A name is the variable's
        path after its position in the model; the numbers that Keras adds to the names
        of layers are left out, as they depend on what else the process has built.
    draws
        Whether it holds seed generators, such as a dropout layer's.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._fixed = list(model.non_trainable_variables)
        # Where the layers of ``network.dual_norm`` keep which branch is theirs.
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
        self.draws = any(map(_is_seed, self._fixed))
        # Set where the model cannot be compiled because it draws by Keras's generator.
        self.draws_unseeded = False
        self._compiled: dict[Any, Callable[..., Any]] = {}

    @property
    def num_classes(self) -> int:
        """How many logits the model gives."""
        return int(self.model.output_shape[-1])

    def arrays(self) -> Arrays:
        """Copy the model's current weights, by name."""
        return {name: v.numpy() for name, v in self._variables.items()}

    def assign(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put weights into the Keras model, to save it."""
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def split(
        self,
        arrays: Mapping[str, NDArray[Any]],
        seed: Sequence[int] | NDArray[Any] = (0, 0),
        one_stream: bool = False,
    ) -> tuple[list[Any], list[Any]]:
        """Order arrays as the model's functions take them.

        Parameters
        ----------
        arrays
            By name.
        seed
            Two integers: the state of the first seed generator, such as a dropout
            layer's. Each further one has a first integer larger by 1, as a layer counts
            its steps with the second.
        one_stream
            Give every generator the same state, so that layers of one size draw alike.

        Returns
        -------
        trainable, fixed
            ``fixed`` holds statistics and seed generators, in the model's order.
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
        """Undo ``split``, leaving out what is no float."""
        floats = [v for i, v in enumerate(fixed) if _is_float(self._fixed[i])]
        values = map(np.asarray, [*trainable, *floats])
        return dict(zip(self._variables, values, strict=True))

    @property
    def has_graph(self) -> bool:
        """Whether the model can be traced; a warning tells that it cannot."""
        return self._trace is not None

    @cached_property
    def is_narrow(self) -> bool:
        """Whether it computes with floats that small gradients vanish in.

        True, too, of a model that cannot be traced, as nobody knows.
        """
        return self._trace is None or bool(NARROW & self.dtypes)

    @cached_property
    def dtypes(self) -> set[str]:
        """Names of the dtypes it computes with, as far as it can be traced."""
        return set() if self._trace is None else dtypes_in(self._trace)

    @cached_property
    def _trace(self) -> Any:
        """The graph of the model, in inference and training; None without one."""
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
                # Of Keras itself, which has another for each thread.
                self.draws_unseeded = True
                raise ValueError(
                    "it draws random numbers without a keras.random.SeedGenerator of "
                    "its own"
                )
            return trace
        except Exception as error:
            # Whatever the user's layers raise when they are given no values.
            warnings.warn(
                f"the model {model.name} cannot be compiled, so it runs step by step, "
                f"many times slower: {cause_of(error)}",
                stacklevel=2,
            )
            return None

    def names(self) -> AbstractContextManager[Any]:
        """Put layers into a scope, where the name of one must not be the outermost.

        Keras names layers by their classes, and TensorFlow takes no name at the root
        that begins with an underscore.
        """
        hidden = any(layer.name.startswith("_") for layer in self.model.layers)
        return tf.name_scope("model") if hidden else nullcontext()

    def function(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a function of tensors that calls the model.

        Where the model cannot be compiled it stays Python, and gives the same.
        """
        if self.has_graph:
            made: Callable[..., Any] = tf.function(run, autograph=False)
            return made
        return lambda *args: run(*tf.nest.map_structure(tf.convert_to_tensor, args))

    def graph(
        self, run: Callable[..., Any], signature: Sequence[Any]
    ) -> Callable[..., Any]:
        """Do the same for arguments of one signature, which they are cast to."""
        return Graph(run, signature) if self.has_graph else step_by_step(run, signature)

    def compiled(
        self, key: Any, make: Callable[["Network"], Callable[..., Any]]
    ) -> Callable[..., Any]:
        """Make a graph function of this network once for each key."""
        if key not in self._compiled:
            self._compiled[key] = make(self)
        return self._compiled[key]


def _is_seed(variable: Any) -> bool:
    return "seed_generator" in variable.path


def _is_float(variable: Any) -> bool:
    # NumPy knows of no bfloat16.
    return bool(keras.backend.is_float_dtype(variable.dtype))


def network_of(model: Any, input_shape: tuple[int, ...] | None = None) -> Network:
    """Give the network of a Keras model, the same one each time, graphs and all.

    Parameters
    ----------
    model
        A ``keras.Model``.
    input_shape
        Shape of one input, for a model that does not tell it.
    """
    return _network_of(model, None if hasattr(model, "input_shape") else input_shape)


@lru_cache(maxsize=8)
def _network_of(model: Any, input_shape: tuple[int, ...] | None) -> Network:
    return Network(model if input_shape is None else with_shapes(model, input_shape))


def with_shapes(model: Any, input_shape: Sequence[int]) -> Any:
    """Wrap a subclassed Keras model, which does not tell its shapes, in one that does.

    The variables are the same; any other model is given back as it is.
    """
    if hasattr(model, "input_shape"):
        return model
    inputs = keras.Input(tuple(input_shape))
    return keras.Model(inputs, model(inputs))


def cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Compute the (batch,) cross-entropy of integer labels and logits."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def save_model(model: Any, path: Any) -> None:
    """Save a Keras model as a ``.keras`` file."""
    keras.saving.save_model(model, path)
