"""Train a federation on images under random brightness: an objective of one's own."""

import sys

import keras
import tensorflow as tf


class Brightness:
    """Add the same random value to all pixels of an image."""

    def __init__(self, size=0.2):
        self.size = size

    def perturb(self, model, x, y, seed):
        """Return the inputs of a batch; ``seed`` is the key of every draw."""
        shape = [tf.shape(x)[0], 1, 1, 1]
        shift = tf.random.stateless_uniform(shape, seed, -self.size, self.size)
        return tf.clip_by_value(x + shift, 0.0, 1.0)

    def loss(self, model, x, x_adv, y):
        """Return the (batch,) losses that the weights are trained on."""
        logits = model(x_adv, training=True)
        return keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)


if __name__ == "__main__":
    from fedrobust.cli import main

    # `fedrobust run` takes the same overrides where own_objective.py can be imported.
    overrides = [
        "training.objective._target_=own_objective.Brightness",
        "+training.objective.size=0.3",
        "hydra.run.dir=own_objective",
    ]
    sys.exit(main(["run", *overrides, *sys.argv[1:]]))
