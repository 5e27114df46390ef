"""Models that lie or mislead, each in a way of its own, and what must be said of them.

A case is a name, a function from the honest model (Keras, 8 x 8 x 1 inputs in [0, 1],
ten logits) to another, and what an assessment owes: nothing said, where its numbers
must be those of the truth; else part of a note, or the name of a check that fails.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fedrobust.backend import keras, tf

SHAPE = (8, 8, 1)
Build = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """A model, and what is owed.

    Attributes
    ----------
    name
        Of the case.
    build
        From the honest model to this one.
    told
        A failed check or part of a note; None where the numbers must be right.
    labels
        What the labels become.
    arguments
        Of ``assess``, beside the usual ones.
    also_right
        Whether the numbers must be right although something is told.
    is_another
        Whether rounding makes it another model: its numbers must not flatter.
    """

    name: str
    build: Build
    told: str | None = None
    labels: Callable[[Any], Any] = lambda y: y
    arguments: dict[str, Any] = field(default_factory=dict)
    also_right: bool = False
    is_another: bool = False


def on_inputs(change: Callable[[Any], Any], shape: tuple[int, ...] = SHAPE) -> Build:
    """Change what the model sees."""

    def build(model: Any) -> Any:
        inputs = keras.Input(shape)
        return keras.Model(inputs, model(_layer(change)(inputs)))

    return build


def on_logits(change: Callable[[Any], Any]) -> Build:
    """Change what the model says."""

    def build(model: Any) -> Any:
        inputs = keras.Input(SHAPE)
        return keras.Model(inputs, _layer(change)(model(inputs)))

    return build


def on_both(change: Callable[[Any, Any], Any]) -> Build:
    """Change what the model says by what it sees."""

    def build(model: Any) -> Any:
        inputs = keras.Input(SHAPE)
        return keras.Model(inputs, Both(change)([inputs, model(inputs)]))

    return build


def _layer(change: Any) -> Any:
    return change if isinstance(change, keras.layers.Layer) else One(change)


class One(keras.layers.Layer):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def call(self, x: Any) -> Any:
        return self.change(x)


class _Hidden(keras.layers.Layer):
    """Doubles and halves; its name begins with underscores."""

    def call(self, x: Any) -> Any:
        return 2 * x / 2


class Both(One):
    def call(self, inputs: Any) -> Any:
        return self.change(*inputs)


def of_dtype(policy: str, sure: float = 1.0, end: Any = None) -> Build:
    """Compute the same in another dtype, with logits that many times as large."""

    def build(model: Any) -> Any:
        layers = keras.layers
        copy = keras.Sequential(
            [
                keras.Input(SHAPE),
                layers.Flatten(dtype=policy),
                layers.Dense(32, activation="relu", dtype=policy),
                layers.Dense(10, activation=end, dtype=policy),
            ]
        )
        *hidden, kernel, bias = model.get_weights()
        copy.set_weights([*hidden, sure * kernel, sure * bias])
        return copy

    return build


def quantised(mode: str) -> Build:
    def build(model: Any) -> Any:
        copy = of_dtype("float32")(model)
        copy.quantize(mode)
        return copy

    return build


def ending_in(activation: str) -> Build:
    def build(model: Any) -> Any:
        return of_dtype("float32", end=activation)(model)

    return build


# --- gradients that are not the function's ------------------------------------------


@tf.custom_gradient
def reversed_gradient(x):
    return tf.identity(x), lambda g: -g


@tf.custom_gradient
def exploding_gradient(x):
    return tf.identity(x), lambda g: g * 1e30 * 1e30


@tf.custom_gradient
def noisy_gradient(x):
    def backward(g):
        noise = tf.random.stateless_normal(tf.shape(g), [1, 2])
        return g * 1e-6 + noise

    return tf.identity(x), backward


def with_false_gradient(x, logits):
    weights = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)
    other = tf.reshape(x, [-1, 64]) @ weights
    return tf.stop_gradient(logits) + other - tf.stop_gradient(other)


def half_stopped(x):
    light = tf.reduce_sum(x, axis=(1, 2, 3), keepdims=True)
    return tf.where(light < 19.5, tf.stop_gradient(x), x)


def shattered(x):
    """Add waves of an amplitude that no answer depends on, and a steep slope."""
    return x + 0.004 * tf.sin(3000.0 * x)


def rippled(x):
    """Add waves that are shorter than the ball, on which small steps end."""
    return x + 0.05 * tf.sin(2 * np.pi * x / 0.1)


def thermometer(x):
    levels = tf.cast(x[..., None] > np.arange(16) / 16, tf.float32)
    return tf.reduce_mean(levels, axis=-1)


def saturated(x):
    """Squash pixels hard, and undo it in all but rounding."""
    squashed = tf.sigmoid(40.0 * (x - 0.5))
    back = tf.math.log(squashed) - tf.math.log(1 - squashed)
    return tf.clip_by_value(back / 40.0 + 0.5, 0.0, 1.0)


# --- answers that are random --------------------------------------------------------


class Jitter(keras.layers.Layer):
    """Noise from a seed generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x: Any) -> Any:
        noise = keras.random.normal(keras.ops.shape(x), seed=self.seed_generator)
        return x + 0.3 * noise


def seedless(x):
    return x + 0.3 * keras.random.normal(keras.ops.shape(x))


def numpy_noise(x):
    return x + np.random.default_rng().normal(size=x.shape[1:]).astype(np.float32)


def python_noise(x):
    return x * random.SystemRandom().uniform(0, 2)


def moved_at_random(x):
    """Resize and pad by a random amount, as a defence does."""
    corner = tf.random.uniform((2,), 0, 5, tf.int32)
    small = tf.image.resize(x, (4, 4))
    return tf.image.pad_to_bounding_box(small, corner[0], corner[1], 8, 8)


class Dropped(keras.layers.Layer):
    """Dropout that stays on."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5, seed=1)

    def call(self, x: Any) -> Any:
        return self.dropout(x, training=True)


def one_of_two(x, logits):
    """An ensemble of two that disagree, of which one is asked at random per input.

    A draw for all inputs at once would now and then be the same in every call.
    """
    coins = tf.random.uniform(tf.shape(logits)[:1])[:, None]
    return tf.where(coins < 0.5, logits, tf.roll(logits, 1, axis=1))


def by_company(x):
    """Standardise by the batch, in inference too."""
    return x - tf.reduce_mean(x, axis=0, keepdims=True) + 0.3


# --- outputs ------------------------------------------------------------------------


def not_a_number_where_bright(x, logits):
    light = tf.reduce_sum(x, axis=(1, 2, 3))[:, None]
    return tf.where(light > 24, np.nan, logits)


def not_a_number_where_attacked(x, logits):
    """Overflow at pixels that are no sixteenths, which the digits' pixels are."""
    off = tf.reduce_max(tf.abs(16 * x - tf.round(16 * x)), axis=(1, 2, 3))[:, None]
    return tf.where(off > 1e-3, np.inf, logits)


def votes(model: Any) -> Any:
    """An ensemble that counts votes."""
    inputs = keras.Input(SHAPE)
    members = [model(One(lambda x, k=k: x * (1 + 0.1 * k))(inputs)) for k in range(3)]
    count = One(lambda z: tf.one_hot(tf.argmax(z, axis=1), 10))
    return keras.Model(inputs, keras.layers.Add()([count(z) for z in members]))


def averaged(model: Any) -> Any:
    """An ensemble of models whose weights are permuted, which is the same model."""
    order = np.random.default_rng(0).permutation(32)
    kernel, bias, output, output_bias = model.get_weights()
    other = of_dtype("float32")(model)
    other.set_weights([kernel[:, order], bias[order], output[order], output_bias])
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Average()([model(inputs), other(inputs)]))


def subclassed(model: Any) -> Any:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def call(self, x: Any) -> Any:
            return self.inner(x)

    return Own()


class StepByStep(keras.layers.Layer):
    """Looks at a value, which no graph can."""

    def call(self, x: Any) -> Any:
        assert float(np.asarray(x).max()) < 1e9
        return x

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


class Counting(keras.layers.Layer):
    """Answers otherwise from the second call on; a graph is called once."""

    calls = 0

    def call(self, x: Any) -> Any:
        self.calls += 1
        return x if self.calls % 2 else 1 - x


def compiled_otherwise(z):
    """Answer otherwise where people look at the model itself."""
    return tf.roll(z, 1, axis=1) if tf.executing_eagerly() else z


def off_the_grid(x):
    """Stop the gradient at pixels that are no sixteenths, which no digit has."""
    off = tf.reduce_max(
        tf.abs(16 * x - tf.round(16 * x)), axis=(1, 2, 3), keepdims=True
    )
    return tf.where(off > 1e-3, tf.stop_gradient(x), x)


@tf.custom_gradient
def tiny_gradient(x):
    return tf.identity(x), lambda g: g * 1e-25


def enlarged_and_reduced(x):
    large = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
    return tf.nn.avg_pool2d(large, 2, 2, "VALID")


def grey(x):
    """Turn a grey image into colours, and these into grey."""
    return tf.image.rgb_to_grayscale(tf.repeat(x, 3, axis=3)) / 0.9999


def rounded_straight_through(x):
    """Round as JPEG does, with the gradient of doing nothing."""
    return x + tf.stop_gradient(tf.round(x * 64) / 64 - x)


def normalised(model: Any) -> Any:
    inputs = keras.Input(SHAPE)
    there = keras.layers.Normalization(mean=0.3, variance=0.04)(inputs)
    back = keras.layers.Rescaling(0.2, 0.3)(there)
    return keras.Model(inputs, model(back))


LAYERS = keras.layers

CASES = [
    # Disguises under which the numbers must be right.
    Case("honest", lambda model: model),
    Case("nested", on_inputs(LAYERS.Identity())),
    Case("subclassed", subclassed),
    Case("hidden class", on_inputs(_Hidden())),
    Case("step by step", on_inputs(StepByStep()), "be compiled", also_right=True),
    Case("softmax", ending_in("softmax"), "which was removed", also_right=True),
    Case(
        "softmax layer",
        on_logits(LAYERS.Softmax()),
        "which was removed",
        also_right=True,
    ),
    Case("softmax call", on_logits(tf.nn.softmax), "logarithms", also_right=True),
    Case("sigmoid", ending_in("sigmoid"), "which was removed", also_right=True),
    Case("sigmoid call", on_logits(tf.nn.sigmoid), "log-odds", also_right=True),
    Case("tanh", ending_in("tanh"), "which was removed", also_right=True),
    Case("log softmax", ending_in("log_softmax")),
    Case(
        "percent", on_logits(lambda z: 100 * tf.nn.softmax(z)), "logar", also_right=True
    ),
    Case("temperature 1e3", on_logits(lambda z: z / 1e3), "multipl", also_right=True),
    Case("shifted logits", on_logits(lambda z: z + 1e3)),
    Case(
        "dead classes",
        on_logits(lambda z: tf.pad(z, [(0, 0), (0, 2)], constant_values=-1e9)),
    ),
    Case(
        "image of outputs",
        on_logits(LAYERS.Reshape((1, 1, 10))),
        "reshaped",
        also_right=True,
    ),
    Case("float64", of_dtype("float64")),
    Case("float16", of_dtype("float16")),
    Case("mixed_float16", of_dtype("mixed_float16")),
    Case("mixed_float16, sure", of_dtype("mixed_float16", sure=4.0)),
    Case("bfloat16", of_dtype("bfloat16")),
    Case(
        "float16 softmax",
        of_dtype("float16", end="softmax"),
        "which was removed",
        also_right=True,
    ),
    Case("int8", quantised("int8")),
    Case("float8", quantised("float8"), is_another=True),
    Case(
        "flat",
        on_inputs(LAYERS.Reshape(SHAPE), (64,)),
        "reshaped from",
        also_right=True,
    ),
    Case(
        "channels first",
        on_inputs(LAYERS.Permute((2, 3, 1)), (1, 8, 8)),
        "reshaped from",
        also_right=True,
    ),
    Case(
        "0 to 255",
        on_inputs(LAYERS.Rescaling(1 / 255)),
        "are scaled to",
        arguments={"model_range": (0, 255)},
        also_right=True,
    ),
    Case(
        "-1 to 1",
        on_inputs(LAYERS.Rescaling(0.5, 0.5)),
        "are scaled to",
        arguments={"model_range": (-1, 1)},
        also_right=True,
    ),
    Case("normalisation", normalised),
    Case("dropout that is off", on_inputs(LAYERS.Dropout(0.5))),
    Case("batch normalisation", on_inputs(LAYERS.BatchNormalization(epsilon=1e-9))),
    Case("enlarged and reduced", on_inputs(enlarged_and_reduced)),
    Case("grey", on_inputs(grey)),
    Case("rounded, gradient kept", on_inputs(rounded_straight_through)),
    Case("tiny gradient", on_inputs(tiny_gradient)),
    Case("softplus", on_logits(tf.nn.softplus)),
    Case("averaging ensemble", averaged),
    # Gradients that are masked.
    Case("temperature 1e-3", on_logits(lambda z: z * 1e3), "zero_gradients"),
    Case("stopped", on_inputs(tf.stop_gradient), "zero_gradients"),
    Case("half stopped", on_inputs(half_stopped), "zero_gradients"),
    Case("rounded", on_inputs(lambda x: tf.round(x * 7) / 7), "zero_gradients"),
    Case(
        "bytes",
        on_inputs(lambda x: tf.cast(tf.cast(x * 255, tf.uint8), tf.float32) / 255),
        "zero_gradients",
    ),
    Case("thermometer", on_inputs(thermometer), "zero_gradients"),
    Case("argmax", on_logits(lambda z: tf.one_hot(tf.argmax(z, 1), 10)), "zero_grad"),
    Case("votes", votes, "zero_gradients"),
    Case("hard sigmoid", on_logits(keras.activations.hard_sigmoid), "log-odds"),
    Case("relu", on_logits(tf.nn.relu)),
    Case("off the grid", on_inputs(off_the_grid), "zero_gradients"),
    Case("huge weights", on_logits(lambda z: z * 1e20), "zero_gradients"),
    Case("exponential", on_logits(tf.exp), "zero_gradients"),
    Case("exploding", on_inputs(exploding_gradient), "zero_gradients"),
    Case("reversed", on_inputs(reversed_gradient), "loss_increases"),
    Case("noisy", on_inputs(noisy_gradient), "loss_increases"),
    Case("false", on_both(with_false_gradient), "loss_increases"),
    Case("shattered", on_inputs(shattered), "loss_increases"),
    Case("rippled", on_inputs(rippled), "iterative_at_least_single_step"),
    Case("saturated", on_inputs(saturated), "zero_gradients"),
    # Answers that are random, or of the company.
    Case("jitter", on_inputs(Jitter()), "deterministic"),
    Case("seedless noise", on_inputs(seedless), "deterministic"),
    Case("numpy noise", on_inputs(numpy_noise), "deterministic"),
    Case("python noise", on_inputs(python_noise), "deterministic"),
    Case("random resizing", on_inputs(moved_at_random), "deterministic"),
    Case("dropout that is on", on_inputs(Dropped()), "deterministic"),
    Case("one of two", on_both(one_of_two), "deterministic"),
    Case("counting", on_inputs(Counting()), "deterministic"),
    Case("compiled otherwise", on_logits(compiled_otherwise), "deterministic"),
    Case("batch statistics", on_inputs(by_company), "deterministic"),
    # Outputs that are no answers.
    Case("no numbers", on_logits(lambda z: z * np.nan), "logits"),
    Case("no numbers for some", on_both(not_a_number_where_bright), "logits"),
    Case("overflow", of_dtype("float16", sure=1e5), "logits"),
    Case("no numbers attacked", on_both(not_a_number_where_attacked), "not finite"),
    Case("constant", on_logits(lambda z: 0 * z), "no better than always answering"),
    # Inputs and labels that are not those it was trained on.
    Case("needs 0 to 255", on_inputs(LAYERS.Rescaling(1 / 255)), "with --range 0 255"),
    Case("needs -1 to 1", on_inputs(LAYERS.Rescaling(0.5, 0.5)), "with --range -1 1"),
    Case(
        "scaled twice",
        on_inputs(LAYERS.Rescaling(1.0)),
        "with --range 0 1",
        arguments={"model_range": (-1, 1)},
    ),
    Case("inverted", on_inputs(lambda x: 1 - x), "inverted inputs"),
    Case("transposed", on_inputs(LAYERS.Permute((2, 1, 3))), "exchanged"),
    Case(
        "labels from 1",
        on_logits(lambda z: tf.roll(z, 1, axis=1)),
        "labels were larger",
    ),
    Case("another order", on_logits(lambda z: z[:, ::-1]), "in another order"),
    Case("smallest wins", on_logits(lambda z: -z), "the smallest output were"),
]
