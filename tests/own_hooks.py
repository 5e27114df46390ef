"""A user's own hooks, models and rules, as a ``_target_`` names them."""

from typing import Any

import numpy as np

from fedrobust.backend import keras, tf
from fedrobust.training import Objective
from strategies.rules import Mean


class Fair(Objective):
    """Draws by the key that it is given."""

    def perturb(self, model, x, y, seed):
        return x + tf.random.stateless_uniform(tf.shape(x), seed)


class Global(Objective):
    """Draws from TensorFlow's global generator."""

    def perturb(self, model, x, y, seed):
        return x + tf.random.uniform(tf.shape(x))


class Traced(Objective):
    """Draws while it is traced, from a generator that nobody else has."""

    def perturb(self, model, x, y, seed):
        return x + np.random.default_rng().random(dtype=np.float32)


class Constructed(Objective):
    """Draws when it is made, from NumPy's global generator."""

    def __init__(self) -> None:
        object.__setattr__(self, "shift", np.random.random())  # noqa: NPY002

    def perturb(self, model, x, y, seed):
        return x + self.shift


class InPython(Objective):
    """Draws in Python code that the graph calls."""

    def perturb(self, model, x, y, seed):
        def draw(x: Any) -> Any:
            return x.numpy() + np.random.default_rng().random(dtype=np.float32)

        return tf.ensure_shape(tf.py_function(draw, [x], tf.float32), x.shape)


class Leaning(Objective):
    """Moves each example away from the mean of its batch."""

    def perturb(self, model, x, y, seed):
        return x + 0.1 * (x - tf.reduce_mean(x, axis=0))


class Relative(Objective):
    """Weights each example by its share of the batch's loss."""

    def loss(self, model, x, x_adv, y):
        losses = super().loss(model, x, x_adv, y)
        return losses * losses / tf.reduce_sum(losses)


def model_of(initializer: Any = "glorot_uniform") -> Any:
    """A model of the digits."""
    dense = keras.layers.Dense(10, kernel_initializer=initializer)
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), dense])


def half_model(**_: Any) -> Any:
    """A model in float16, weights and all."""
    layers = keras.layers
    parts = [layers.Flatten(dtype="float16"), layers.Dense(10, dtype="float16")]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts])


def unseeded_model(**_: Any) -> Any:
    """A model whose first weights are NumPy's."""

    def draw(shape: Any, dtype: Any = None) -> Any:
        return np.random.default_rng().normal(size=shape)

    return model_of(draw)


class DrawingMean(Mean):
    """A rule that draws from NumPy's global generator, for nothing."""

    def __call__(self, *args, **kwargs):
        np.random.random()  # noqa: NPY002
        return super().__call__(*args, **kwargs)


def any_size_model(**_: Any) -> Any:
    """A model of images of any height and width."""
    layers = keras.layers
    parts = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(10)]
    return keras.Sequential([keras.Input((None, None, 1)), *parts])


class Sixteenths(Objective):
    """Demands the 17 grey levels of the digits, as no noise has them."""

    def perturb(self, model, x, y, seed):
        tf.debugging.assert_equal(x * 16, tf.round(x * 16), "no grey level")
        return x


class SixteenthsInPython(Sixteenths):
    """Demands that they are digits that have been drawn, too, and has no graph."""

    def perturb(self, model, x, y, seed):
        assert x.numpy().max() > 0
        return super().perturb(model, x, y, seed)


class Picky(Objective):
    """Demands more images than a trial step has."""

    def perturb(self, model, x, y, seed):
        tf.debugging.assert_greater(tf.shape(x)[0], 4, "too few images")
        return x


class Once(Objective):
    """Can be made a single time."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        if self.made > 1:
            raise RuntimeError("made before")


@keras.saving.register_keras_serializable("tests")
class KerasNoise(keras.layers.Layer):
    """Draws by keras.random without a seed generator of its own."""

    def call(self, x):
        return x + keras.random.normal(tf.shape(x))


@keras.saving.register_keras_serializable("tests")
class Looking(keras.layers.Layer):
    """Looks at values, as no graph can."""

    def call(self, x):
        float(np.asarray(x).max())
        return x

    def compute_output_shape(self, shape):
        return shape


def unkeyed_model(*layers: Any, **_: Any) -> Any:
    """A model that draws from Keras's global seed generator."""
    parts = [*layers, KerasNoise(), keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts])


def unkeyed_and_untraceable_model(**_: Any) -> Any:
    """The same, where no graph shows it."""
    return unkeyed_model(Looking())


def untraceable_model(**_: Any) -> Any:
    """A model that draws nothing and has no graph."""
    parts = [Looking(), keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts])


def dual_model(policy: str, **_: Any) -> Any:
    """A model with dual batch normalisation, of any dtype policy."""
    from fedrobust.network.dual_norm import DualBatchNormalization

    layers = keras.layers
    parts = [
        layers.Flatten(dtype=policy),
        layers.Dense(16, dtype=policy),
        DualBatchNormalization(dtype=policy),
        layers.ReLU(dtype=policy),
        layers.Dense(10, dtype=policy),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts])
