"""Models that mask how robust they are, examples, and what the checks say."""

import numpy as np

from fedrobust.backend import keras, tf
from fedrobust.evaluation.assessment import assess


def statuses(checks):
    return {name: check.status for name, check in checks.items()}


def failed(checks):
    return {name for name, check in checks.items() if check.status == "fail"}


@keras.saving.register_keras_serializable("tests")
class Quantised(keras.layers.Layer):
    """Round inputs to 8 levels: no gradient goes through."""

    def call(self, x):
        return tf.round(x * 7) / 7


@keras.saving.register_keras_serializable("tests")
class HalfScaled(keras.layers.Layer):
    """Scale the logits of half of the images, those whose first pixels are dark."""

    def call(self, inputs):
        logits, x = inputs
        share = tf.reduce_sum(x, axis=(1, 2, 3), keepdims=True)[:, :, 0, 0]
        return logits * tf.where(share < 19.5, 1000.0, 1.0)


@keras.saving.register_keras_serializable("tests")
class Jitter(keras.layers.Layer):
    """Add noise, in inference too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x):
        noise = keras.random.normal(keras.ops.shape(x), seed=self.seed_generator)
        return x + 0.2 * noise


@keras.saving.register_keras_serializable("tests")
class Still(keras.layers.Layer):
    """Let no gradient through."""

    def call(self, x):
        return tf.stop_gradient(x)


@keras.saving.register_keras_serializable("tests")
class FalseGradient(keras.layers.Layer):
    """Return logits by inputs without a gradient that of other, random ones."""

    def call(self, logits, x):
        rng = np.random.default_rng(0)
        weights = rng.normal(size=(64, 10)).astype(np.float32)
        other = tf.reshape(x, [-1, 64]) @ weights
        return logits + other - tf.stop_gradient(other)


@keras.saving.register_keras_serializable("tests")
class RarelyRandom(Jitter):
    """Add noise to the darkest image alone."""

    def call(self, x):
        light = tf.reduce_sum(x, axis=(1, 2, 3), keepdims=True)
        rare = tf.cast(light <= tf.reduce_min(light), tf.float32)
        return x + rare * (super().call(x) - x)


def masked(model, kind):
    inputs = keras.Input((8, 8, 1))
    if kind == "honest":
        return keras.Model(inputs, model(inputs))
    if kind == "scaled":
        return keras.Model(inputs, model(inputs) * 1000.0)
    if kind == "half scaled":
        return keras.Model(inputs, HalfScaled()([model(inputs), inputs]))
    if kind == "quantised":
        return keras.Model(inputs, model(Quantised()(inputs)))
    if kind == "false gradient":
        return keras.Model(inputs, FalseGradient()(model(Still()(inputs)), inputs))
    if kind == "rarely random":
        return keras.Model(inputs, model(RarelyRandom()(inputs)))
    return keras.Model(inputs, model(Jitter()(inputs)))


def examined(trained, kind, attacks, checks="full"):
    data = trained.data
    return assess(
        masked(trained.model, kind),
        data.x_test[:256],
        data.y_test[:256],
        attacks,
        [0.1],
        checks=checks,
        split=data,
    ).scores


def examples(trained, n=60):
    return trained.data.x_test[:n], trained.data.y_test[:n]
