"""Models of many kinds, and the gradients of single examples taken one by one."""

from functools import lru_cache

import numpy as np

from fedrobust.backend import keras, tf
from fedrobust.models.build import seeded
from fedrobust.network import BoundModel, network_of
from fedrobust.network.network import cross_entropy
from fedrobust.network.per_example import clipped_sum

LAYERS = keras.layers
CLASSES = 3


def losses_of(model, x, y):
    return cross_entropy(y, model(x, training=True))


def losses_of_two_calls(model, x, y):
    """A loss as of TRADES, which calls the model on the inputs and on others."""
    clean, moved = model(x, training=True), model(0.9 * x + 0.05, training=True)
    logs = tf.nn.log_softmax(clean), tf.nn.log_softmax(moved)
    divergence = tf.reduce_sum(tf.exp(logs[0]) * (logs[0] - logs[1]), axis=1)
    return cross_entropy(y, clean) + 6 * divergence


def network(model):
    """Return the network of what a function of the inputs makes."""
    shape, layers = model
    with seeded(1):
        inputs = keras.Input(shape)
        return network_of(keras.Model(inputs, layers(inputs)))


def examples(shape, n=6, numbers=0):
    """Return random inputs, integers below ``numbers`` if it is not 0, and labels."""
    rng = np.random.default_rng(5)
    x = rng.uniform(size=(n, *shape)) * max(numbers, 1)
    x = np.floor(x) if numbers else x
    return x.astype(np.float32), rng.integers(0, CLASSES, n).astype(np.int32)


def parts(network):
    trainable, fixed = network.split(network.arrays(), (3, 0))
    return [tf.convert_to_tensor(each) for each in trainable], fixed


def single_gradients(network, batch, losses_of=losses_of):
    """Return the flat gradients of the examples, each taken alone, and the losses."""
    trainable, fixed = parts(network)

    @tf.function(autograph=False)
    def alone(*batch):
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            loss = losses_of(BoundModel(network, trainable, fixed), *batch)[0]
        gradients = tape.gradient(loss, trainable, unconnected_gradients="zero")
        return loss, [tf.reshape(tf.convert_to_tensor(g), [-1]) for g in gradients]

    each = [alone(*[t[i : i + 1] for t in batch]) for i in range(len(batch[0]))]
    rows = [np.concatenate(gradients) for _, gradients in each]
    return np.array(rows, np.float64), np.array([float(loss) for loss, _ in each])


@lru_cache(maxsize=4)
def compiled(network, losses_of):
    """Return a graph of ``clipped_sum`` for a batch, a bound and a mask."""
    trainable, fixed = parts(network)

    def bind(weights):
        return BoundModel(network, weights, fixed)

    @tf.function(autograph=False)
    def run(batch, clip, mask):
        return clipped_sum(network, trainable, bind, losses_of, batch, clip, mask)

    return run


def clipped(network, batch, clip, mask=None, losses_of=losses_of):
    """Return what ``clipped_sum`` does in a graph, and its sum as one row."""
    mask = np.ones(len(batch[0])) if mask is None else mask
    scalars = [tf.constant(each, tf.float32) for each in (clip, mask)]
    tensors = [tf.convert_to_tensor(each) for each in batch]
    result = compiled(network, losses_of)(tensors, *scalars)
    return result, np.concatenate([np.ravel(g) for g in result.gradients])


def error_of(network, batch, losses_of=losses_of):
    """Return the largest relative error of the sum, the norms and the losses.

    The bound is the median of the norms, so that some gradients are clipped.
    """
    rows, losses = single_gradients(network, batch, losses_of)
    norms = np.linalg.norm(rows, axis=1)
    clip = float(np.median(norms))
    result, total = clipped(network, batch, clip, losses_of=losses_of)
    expected = (np.minimum(1, clip / norms)[:, None] * rows).sum(axis=0)
    return max(
        np.linalg.norm(total - expected) / np.linalg.norm(expected),
        np.abs(result.norms / norms - 1).max(),
        np.abs(result.losses - losses).max() / np.abs(losses).max(),
    )


def _logits(x):
    return LAYERS.Dense(CLASSES)(LAYERS.Flatten()(x))


def _tutorial(x):
    x = LAYERS.Conv2D(16, 8, 2, padding="same", activation="relu")(x)
    x = LAYERS.MaxPooling2D(2, 1)(x)
    x = LAYERS.Conv2D(32, 4, 2, activation="relu")(x)
    x = LAYERS.MaxPooling2D(2, 1)(x)
    return _logits(LAYERS.Dense(32, activation="relu")(LAYERS.Flatten()(x)))


def _residual(x):
    x = LAYERS.Rescaling(2.0, -1.0)(x)
    x = LAYERS.Conv2D(8, 3, padding="same", use_bias=False)(x)
    y = LAYERS.Activation("gelu")(LAYERS.GroupNormalization(4)(x))
    y = LAYERS.Conv2D(8, 3, padding="same", use_bias=False)(y)
    return _logits(LAYERS.GlobalAveragePooling2D()(LAYERS.Add()([x, y])))


def _odd_convolutions(x):
    x = LAYERS.Conv2D(4, 5, 3, padding="same", activation="relu")(x)
    x = LAYERS.Conv2D(5, (3, 2), (2, 1), padding="same")(x)
    # So wide that its gradients are not formed.
    x = LAYERS.Conv2D(64, 2, 3)(LAYERS.ZeroPadding2D(3)(x))
    x = LAYERS.Conv2D(64, 3, padding="same")(x)
    return _logits(LAYERS.GlobalAveragePooling2D()(x))


def _sequence(x):
    x = LAYERS.Conv1D(4, 3, activation="relu")(x)
    x = LAYERS.Conv1D(4, 3, 2, padding="same")(x)
    return _logits(LAYERS.TimeDistributed(LAYERS.Dense(5, activation="relu"))(x))


def _attention(x):
    x = LAYERS.LayerNormalization()(LAYERS.Embedding(9, 8)(x))
    x = x + LAYERS.MultiHeadAttention(2, 4)(x, x)
    return _logits(LAYERS.Dense(7, activation="relu")(x))


def _recurrent(x):
    return _logits(LAYERS.LSTM(3)(LAYERS.Embedding(9, 4, mask_zero=True)(x)))


def _bidirectional(x):
    return _logits(LAYERS.Bidirectional(LAYERS.GRU(3))(LAYERS.Embedding(9, 4)(x)))


def _other_convolutions(x):
    x = LAYERS.PReLU()(LAYERS.DepthwiseConv2D(3)(x))
    x = LAYERS.SeparableConv2D(4, 3)(x)
    x = LAYERS.Conv2D(4, 3, dilation_rate=2, padding="same")(x)
    x = LAYERS.Conv2DTranspose(3, 3, 2)(x)
    x = LAYERS.Conv2D(6, 3, groups=3)(x)
    return _logits(LAYERS.GlobalAveragePooling2D()(x))


class Shared(keras.Model):
    """A model that calls one layer three times, on inputs of two ranks."""

    def __init__(self):
        super().__init__()
        self.first, self.last = LAYERS.Dense(6), LAYERS.Dense(CLASSES)
        self.shared = LAYERS.Dense(6, activation="tanh")
        self.kernel = LAYERS.Conv1D(6, 2, padding="same")

    def call(self, x):
        x = self.first(x)
        x = x + self.shared(x)
        x = self.shared(self.shared(x)[:, None])
        return self.last(self.kernel(self.kernel(x))[:, 0])


class Waves(LAYERS.Layer):
    """A layer of raw operations, with a scalar weight."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1], 4))
        self.power = self.add_weight(shape=())

    def call(self, x):
        return tf.sin(tf.matmul(x, self.weight)) * tf.exp(self.power)


class Outer(LAYERS.Layer):
    """A layer with a weight of its own and a layer within."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],))
        self.inner = LAYERS.Dense(4, name="inner")
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x * self.scale)


class Tied(keras.Model):
    """A model that uses a layer's weights outside of the layer."""

    def __init__(self):
        super().__init__()
        self.first, self.last = LAYERS.Dense(5), LAYERS.Dense(CLASSES)

    def call(self, x):
        hidden = tf.tanh(self.first(x))
        return self.last(tf.matmul(hidden, self.first.kernel, transpose_b=True))


class OwnWeight(keras.Model):
    """A model with a weight that no layer has."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=(5, 4))
        self.last = LAYERS.Dense(CLASSES)

    def call(self, x, training=None):
        return self.last(tf.tanh(tf.matmul(x, self.weight)))


def own_weight():
    """Return the network of ``OwnWeight`` itself, not of a model around it."""
    with seeded(1):
        inputs = keras.Input((5,))
        model = OwnWeight()
        model(inputs)
        model.input_shape, model.output_shape = (None, 5), (None, CLASSES)
        return network_of(model)


# Models all of whose layers have a rule, and models with others.
RULED = {
    "tutorial": ((28, 28, 1), _tutorial),
    "residual": ((8, 8, 3), _residual),
    "odd convolutions": ((11, 9, 2), _odd_convolutions),
    "sequence": ((9, 2), _sequence),
    "shared": ((5,), lambda x: Shared()(x)),
}
TOKENS = {"attention": ((6,), _attention)}
OTHERS = {
    "other convolutions": ((8, 8, 2), _other_convolutions),
    "raw operations": ((5,), lambda x: LAYERS.Dense(CLASSES)(Waves()(x))),
    "layer within a layer": ((5,), lambda x: LAYERS.Dense(CLASSES)(Outer()(x))),
    "tied": ((5,), lambda x: Tied()(x)),
}
RECURRENT = {"lstm": ((4,), _recurrent)}
SLOW = {"bidirectional": ((4,), _bidirectional)}
