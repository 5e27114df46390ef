import numpy as np

from fedrobust.backend import keras, tf
from fedrobust.models.build import seeded
from fedrobust.network import BoundModel, network_of
from fedrobust.network.network import cross_entropy
from fedrobust.network.per_example import clipped_sum


def losses_of(model, x, y):
    return cross_entropy(y, model(x, training=True))


def single_gradients(network, batch, losses_of=losses_of):
    """Return the flat gradient of each example, taken alone, and its loss."""
    trainable, fixed = parts(network)
    rows, losses = [], []
    for i in range(len(batch[0])):
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            model = BoundModel(network, trainable, fixed)
            loss = losses_of(model, *[each[i : i + 1] for each in batch])[0]
        gradients = tape.gradient(loss, trainable, unconnected_gradients="zero")
        flat = [np.asarray(tf.convert_to_tensor(g)).ravel() for g in gradients]
        rows.append(np.concatenate(flat))
        losses.append(float(loss))
    return np.array(rows, np.float64), np.array(losses)


def parts(network):
    trainable, fixed = network.split(network.arrays(), (3, 0))
    return [tf.convert_to_tensor(each) for each in trainable], fixed


def clipped(network, batch, clip, mask=None, losses_of=losses_of):
    """Return what clipped_sum does in a graph, and the sum as one row."""
    trainable, fixed = parts(network)

    @tf.function(autograph=False)
    def run(trainable, fixed, batch, clip, mask):
        def bind(weights):
            return BoundModel(network, weights, fixed)

        return clipped_sum(network, trainable, bind, losses_of, batch, clip, mask)

    mask = np.ones(len(batch[0])) if mask is None else mask
    mask = tf.constant(mask, tf.float32)
    batch = [tf.convert_to_tensor(each) for each in batch]
    out = run(trainable, fixed, batch, tf.constant(clip, tf.float32), mask)
    return out, np.concatenate([np.asarray(g).ravel() for g in out.gradients])


def error_of(network, batch, losses_of=losses_of):
    """Return the largest relative error of the sum, the norms and the losses."""
    rows, losses = single_gradients(network, batch, losses_of)
    norms = np.linalg.norm(rows, axis=1)
    clip = float(np.median(norms))
    out, total = clipped(network, batch, clip, losses_of=losses_of)
    expected = (np.minimum(1, clip / norms)[:, None] * rows).sum(axis=0)
    return max(
        np.linalg.norm(total - expected) / np.linalg.norm(expected),
        np.abs(out.norms / norms - 1).max(),
        np.abs(out.losses - losses).max() / np.abs(losses).max(),
    )


def images(n, shape, classes=3):
    rng = np.random.default_rng(5)
    x = rng.uniform(size=(n, *shape)).astype(np.float32)
    return x, rng.integers(0, classes, n).astype(np.int32)


def network(layers, shape):
    with seeded(1):
        return network_of(keras.Sequential([keras.Input(shape), *layers()]))


def small():
    layers = keras.layers
    return [
        layers.Conv2D(4, 3, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(3),
    ]


def test_the_sum_is_that_of_examples_clipped_one_by_one():
    assert error_of(network(small, shape=(8, 8, 1)), images(6, (8, 8, 1))) < 1e-5
