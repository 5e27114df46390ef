"""Small Keras models by name; any other comes by ``_target_``.

A model takes images in [0, 1] and gives logits. Standardising is its first layer, so
that epsilon stays in pixels.
"""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedrobust.backend import keras
from fedrobust.randomness import Purpose, generator
from strategies.parameters import require, require_between


@dataclass(frozen=True, kw_only=True)
class ModelBuilder(ABC):
    """A recipe for a Keras model.

    Parameters
    ----------
    input_shape
        (height, width, channels) of an image.
    num_classes
        Number of logits, at least 2.
    mean, std
        Constants the first layer standardises with, one or one a channel; empty for
        none.
    """

    input_shape: list[int]
    num_classes: int
    mean: list[float] | None = None
    std: list[float] | None = None

    def __post_init__(self) -> None:
        require(
            len(self.input_shape) >= 1 and min(self.input_shape) >= 1,
            "input_shape",
            list(self.input_shape),
            "sizes of at least 1",
        )
        require_between("num_classes", self.num_classes, 2)
        require(
            (self.mean is None) == (self.std is None)
            and all(s > 0 for s in self.std or []),
            "std",
            self.std,
            "given with mean, above 0",
        )

    @abstractmethod
    def layers(self) -> list[Any]:
        """List the layers after standardising and before the logits."""

    def __call__(self) -> Any:
        """Build the ``keras.Model``."""
        layers = [keras.Input(tuple(self.input_shape))]
        if self.mean is not None and self.std is not None:
            scale = 1 / np.asarray(self.std, np.float64)
            offset = -np.asarray(self.mean, np.float64) * scale
            layers.append(keras.layers.Rescaling(scale.tolist(), offset.tolist()))
        # First, as the order in which layers are made decides their initial weights.
        logits = self.logits()
        return keras.Sequential([*layers, *self.layers(), *logits])

    def logits(self) -> list[Any]:
        """List the last layers, which give the logits."""
        return [keras.layers.Dense(self.num_classes, name="logits")]


NORMS = ("none", "batch", "dual")


def _activation(norm: str) -> list[Any]:
    """Normalise and rectify what a layer gives."""
    relu = keras.layers.ReLU()
    if norm == "batch":
        return [keras.layers.BatchNormalization(), relu]
    if norm == "dual":
        # Here, as importing it imports Keras.
        from fedrobust.dual_norm import DualBatchNormalization

        return [DualBatchNormalization(), relu]
    return [relu]


@dataclass(frozen=True, kw_only=True)
class MLP(ModelBuilder):
    """Fully connected ReLU layers.

    Parameters
    ----------
    hidden
        Units of each hidden layer.
    norm
        What normalises each of them: ``none``, ``batch``, or ``dual``, batch
        normalisation with statistics of its own for adversarial inputs (for FedRBN).
    dropout
        Share of the units of each hidden layer that a training step leaves out, in
        [0, 1).
    initial
        Whose initial weights: ``keras`` (Glorot, biases 0) or ``pytorch`` (uniform
        within 1 / sqrt(fan in), biases too).
    """

    hidden: list[int]
    norm: str = "none"
    dropout: float = 0.0
    initial: str = "keras"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            all(h >= 1 for h in self.hidden), "hidden", list(self.hidden), "at least 1"
        )
        require(self.norm in NORMS, "norm", self.norm, "none, batch or dual")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "in [0, 1)")
        known = ("keras", "pytorch")
        require(self.initial in known, "initial", self.initial, "keras or pytorch")

    def layers(self) -> list[Any]:
        """Flatten, then dense layers."""
        stack = [keras.layers.Flatten()]
        for units, fan_in in zip(self.hidden, self._fans_in(), strict=False):
            dense = keras.layers.Dense(units, **self._start(fan_in))
            stack += [dense, *_activation(self.norm)]
            if self.dropout > 0:
                stack.append(keras.layers.Dropout(self.dropout))
        return stack

    def logits(self) -> list[Any]:
        """Start the last layer as the others start."""
        start = self._start(self._fans_in()[-1])
        return [keras.layers.Dense(self.num_classes, name="logits", **start)]

    def _fans_in(self) -> list[int]:
        return [math.prod(self.input_shape), *self.hidden]

    def _start(self, fan_in: int) -> dict[str, Any]:
        return _uniform(fan_in) if self.initial == "pytorch" else {}


@dataclass(frozen=True, kw_only=True)
class CNN(ModelBuilder):
    """Two strided convolutions and a dense layer: 166,406 parameters on MNIST.

    Wong, Rice, Kolter: Fast is better than free, ICLR 2020, the MNIST network of its
    published code: small enough for adversarial training on a CPU.

    Parameters
    ----------
    filters
        Channels of the convolutions (4 × 4, stride 2).
    units
        Units of the dense layer.
    norm
        What normalises each convolution, as for ``MLP``.
    """

    filters: list[int]
    units: int = 100
    norm: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            all(c >= 1 for c in self.filters),
            "filters",
            list(self.filters),
            "at least 1",
        )
        require_between("units", self.units, 1)
        require(self.norm in NORMS, "norm", self.norm, "none, batch or dual")

    def layers(self) -> list[Any]:
        """Stack strided convolutions, then a dense layer."""
        stack: list[Any] = []
        for c in self.filters:
            convolution = keras.layers.Conv2D(c, 4, 2, padding="same")
            stack += [convolution, *_activation(self.norm)]
        return [
            *stack,
            keras.layers.Flatten(),
            keras.layers.Dense(self.units, activation="relu"),
        ]


@dataclass(frozen=True, kw_only=True)
class CnnMnist(ModelBuilder):
    """ByzFL's ``cnn_mnist``: 431,080 parameters on MNIST.

    El Mhamdi, Guerraoui, Rouault: Distributed Momentum for Byzantine-resilient
    Stochastic Gradient Descent, ICLR 2021, its convolutional model for MNIST.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            len(self.input_shape) == 3 and min(self.input_shape[:2]) >= 16,
            "input_shape",
            list(self.input_shape),
            "images of at least 16 x 16: two convolutions and poolings shrink them",
        )

    def layers(self) -> list[Any]:
        """Two convolutions of 5 × 5, each pooled, and a dense layer of 500."""
        return [
            keras.layers.Conv2D(20, 5, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(50, 5, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(500, activation="relu"),
        ]


@dataclass(frozen=True, kw_only=True)
class CnnBucketing(ModelBuilder):
    """The network of the bucketing paper: 1,199,882 parameters on MNIST.

    Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
    Bucketing, ICLR 2022, the authors' code: PyTorch's MNIST example without the ReLU
    after its second convolution, and PyTorch's initial weights.
    """

    def layers(self) -> list[Any]:
        """Two convolutions of 3 × 3, pooled, and a dense layer of 128; dropout."""
        height, width, channels = self.input_shape
        flat = (height - 4) // 2 * ((width - 4) // 2) * 64
        return [
            keras.layers.Conv2D(32, 3, activation="relu", **_uniform(9 * channels)),
            keras.layers.Conv2D(64, 3, **_uniform(9 * 32)),
            keras.layers.MaxPooling2D(),
            keras.layers.SpatialDropout2D(0.25),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu", **_uniform(flat)),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(self.num_classes, name="logits", **_uniform(128)),
        ]

    def logits(self) -> list[Any]:
        """Add nothing: the last of its layers has PyTorch's initial weights too."""
        return []


def _uniform(fan_in: int) -> dict[str, Any]:
    """Start weights and biases as PyTorch does, uniform within 1 / sqrt(fan_in)."""
    bound = fan_in**-0.5
    return {
        name: keras.initializers.RandomUniform(-bound, bound)
        for name in ("kernel_initializer", "bias_initializer")
    }


@dataclass(frozen=True, kw_only=True)
class ResNet(ModelBuilder):
    """A pre-activation residual network with group normalisation, for CIFAR-10.

    He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, ECCV 2016; group
    instead of batch normalisation as in Hsieh et al., ICML 2020: batch statistics do
    not survive clients whose labels differ.

    Parameters
    ----------
    blocks_per_stage
        Residual blocks in each of three stages; the depth is 6 n + 2.
    width
        Channels of the first stage; each later one has twice as many.
    groups
        Groups of the normalisation; they divide the width.
    """

    blocks_per_stage: int = 1
    width: int = 16
    groups: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("blocks_per_stage", self.blocks_per_stage, 1)
        require_between("width", self.width, 1)
        require(
            self.groups >= 1 and self.width % self.groups == 0,
            "groups",
            self.groups,
            f"a divisor of width={self.width}",
        )

    def layers(self) -> list[Any]:
        """Wrap the residual graph, which is no sequence, in one layer."""
        return [self._trunk()]

    def _trunk(self) -> Any:
        def normed(x: Any) -> Any:
            x = keras.layers.GroupNormalization(self.groups)(x)
            return keras.layers.Activation("relu")(x)

        def conv(x: Any, filters: int, size: int, stride: int) -> Any:
            layer = keras.layers.Conv2D(
                filters, size, stride, padding="same", use_bias=False
            )
            return layer(x)

        inputs = keras.Input(tuple(self.input_shape))
        x = conv(inputs, self.width, 3, 1)
        for stage in range(3):
            filters = self.width * 2**stage
            for block in range(self.blocks_per_stage):
                stride = 2 if stage > 0 and block == 0 else 1
                active = normed(x)
                widened = stride > 1 or filters != x.shape[-1]
                shortcut = conv(active, filters, 1, stride) if widened else x
                active = normed(conv(active, filters, 3, stride))
                x = keras.layers.Add()([conv(active, filters, 3, 1), shortcut])
        outputs = keras.layers.GlobalAveragePooling2D()(normed(x))
        return keras.Model(inputs, outputs, name="trunk")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Give Keras's unseeded initialisers, which ask Python's generator, a seed."""
    _ = keras.layers  # Keras draws from the same generator while it is imported.
    state = random.getstate()
    random.seed(generator(seed, Purpose.MODEL).bytes(16))
    try:
        yield
    finally:
        random.setstate(state)


def build_model(
    recipe: Callable[[], Any],
    seed: int,
    input_shape: Sequence[int],
    num_classes: int = 2,
) -> Any:
    """Build a Keras model whose initial weights depend on the seed alone.

    Parameters
    ----------
    recipe
        Makes a ``keras.Model``, or a ``ModelBuilder`` or other function that does.
    seed
        Key of the initial weights.
    input_shape
        Shape of one input.
    num_classes
        The fewest logits that will do.

    Raises
    ------
    TypeError
        When the recipe makes something else.
    ValueError
        When the model gives probabilities where logits are expected.
    """
    with seeded(seed):
        model = recipe()
        if callable(model) and not isinstance(model, keras.Model):
            model = model()
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"model._target_ made a {type(model).__name__}, not a Model"
            )
        if not model.built:
            model.build((None, *input_shape))
    probe = np.asarray(model(np.zeros((2, *input_shape), np.float32), training=False))
    if probe.ndim != 2 or probe.shape[1] < num_classes:
        raise ValueError(
            f"the model gives shape {probe.shape} for a batch of 2: it must give a "
            f"logit for each of {num_classes} classes"
        )
    if probe.min() >= 0 and np.allclose(probe.sum(axis=1), 1, atol=1e-5):
        raise ValueError(
            "the model gives probabilities: leave out its softmax, as losses and "
            "attacks work on logits"
        )
    return model
