"""Hidden state in the graph of a local step: each way to keep it is found."""

import warnings

import pytest

from fedrobust.backend import keras, tf
from fedrobust.network import Network
from fedrobust.training import Noise, Objective, PGDTraining, Standard, Trainer
from fedrobust.training.hidden_state import hidden_state
from tests.fedrobust.training.doubts import DRAWS, SEEDLESS, WRITES


def doubts_of(objective, *layers, optimizer=None):
    """What is told of a small model of the digits that is trained."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    optimizer = optimizer or keras.optimizers.Adam(0.1)
    trainer = Trainer(Network(model), objective, optimizer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.trace()
    # Such a model runs step by step, which is told when it is first looked at.
    assert trainer.has_graph or trainer.network.draws_unseeded
    assert [str(w.message) for w in caught] == trainer.doubts
    return trainer.doubts


class Hook(Objective):
    """Perturbs by any function."""

    def __init__(self, change):
        object.__setattr__(self, "change", change)

    def perturb(self, model, x, y, seed):
        return tf.ensure_shape(self.change(x), x.shape)


class Layer(keras.layers.Layer):
    """Applies any function."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def call(self, x):
        return self.change(x)


def uniform(x):
    return x + tf.random.uniform(tf.shape(x))


def seeded_by_a_number(x):
    return x + tf.random.normal(tf.shape(x), seed=3)


def in_a_loop(x):
    return tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, uniform(x)), (0, x))[
        1
    ]


def in_a_branch(x):
    return tf.cond(tf.reduce_mean(x) > 0.1, lambda: tf.nn.dropout(x, 0.5), lambda: x)


def of_each_image(x):
    return tf.map_fn(tf.image.random_flip_left_right, x)


def shuffled(x):
    return tf.random.shuffle(x)


def by_the_clock(x):
    return x + tf.cast(tf.timestamp() % 1, tf.float32)


def by_keras(x):
    return x + keras.random.normal(tf.shape(x))


def kept(make, use):
    """A function of something that is made outside of its graph."""
    found = []

    def change(x):
        with tf.init_scope():
            found.extend([make()] if not found else [])
        return use(found[0], x)

    return change


def counting():
    return kept(lambda: tf.Variable(0.0), lambda v, x: x + v.assign_add(1.0))


def rows():
    return tf.Variable(tf.zeros((3, 1)))


def first_row(value=1.0):
    return tf.IndexedSlices(tf.fill((1, 1), value), tf.constant([0]))


def table():
    return tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)


def dense_table():
    return tf.lookup.experimental.DenseHashTable(
        tf.int64, tf.float32, 0.0, empty_key=-1, deleted_key=-2
    )


def key():
    return tf.constant([1], tf.int64)


def after(use):
    """The input, once something is done with what is kept."""

    def apply(kept, x):
        with tf.control_dependencies([use(kept)]):
            return tf.identity(x)

    return apply


def queue():
    made = tf.queue.FIFOQueue(9, [tf.float32])
    made.enqueue(0.0)
    return made


CHANGES = {
    "assign": (rows, lambda v: v.assign(v + 1)),
    "assign_sub": (rows, lambda v: v.assign_sub(v)),
    "slice": (rows, lambda v: v[:1].assign(tf.ones((1, 1)))),
    "scatter_add": (rows, lambda v: v.scatter_add(first_row())),
    "scatter_update": (rows, lambda v: v.scatter_update(first_row())),
    "scatter_nd": (rows, lambda v: v.scatter_nd_add([[0, 0]], [1.0])),
    "batch": (rows, lambda v: v.batch_scatter_update(first_row())),
    "apply": (
        rows,
        lambda v: tf.raw_ops.ResourceApplyGradientDescent(
            var=v.handle, alpha=0.1, delta=tf.ones((3, 1))
        ),
    ),
    "insert": (table, lambda t: t.insert(key(), tf.constant([1.0]))),
    "remove": (table, lambda t: t.remove(key())),
    "dense insert": (dense_table, lambda t: t.insert(key(), tf.constant([1.0]))),
    "enqueue": (queue, lambda q: q.enqueue(1.0)),
    "dequeue": (queue, lambda q: q.dequeue()),
    "next": (lambda: iter(tf.data.Dataset.range(99)), next),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_to_change_what_a_hook_keeps_is_found(change):
    make, use = CHANGES[change]
    (doubt,) = doubts_of(Hook(kept(make, after(use))))
    assert WRITES in doubt


def read_table(table, x):
    return x + table.lookup(tf.constant(7, tf.int64))


def from_a_data_set(x):
    return x + tf.cast(next(iter(tf.data.Dataset.range(3))), tf.float32)


@pytest.mark.parametrize(
    "change",
    [
        kept(rows, lambda v, x: x * tf.gather(v, 0)),
        kept(rows, lambda v, x: x * v.sparse_read([0])),
        kept(table, read_table),
        from_a_data_set,
        lambda x: tf.tensor_scatter_nd_add(x, [[0, 0, 0, 0]], [1.0]),
        lambda x: x + tf.scatter_nd([[0]], [1.0], [1]),
    ],
    ids=["gather", "sparse read", "look up", "data set", "scatter", "scatter_nd"],
)
def test_reading_what_a_hook_keeps_is_not_doubted(change):
    assert not doubts_of(Hook(change))


def generator():
    return kept(
        lambda: tf.random.Generator.from_seed(1), lambda g, x: x + g.normal(tf.shape(x))
    )


def seed_generator():
    return kept(
        lambda: keras.random.SeedGenerator(1),
        lambda g, x: x + keras.random.normal(tf.shape(x), seed=g),
    )


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
@pytest.mark.parametrize("place", [Hook, Layer], ids=["hook", "layer"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (uniform, DRAWS),
        (seeded_by_a_number, DRAWS),
        (in_a_loop, DRAWS),
        (in_a_branch, DRAWS),
        (of_each_image, DRAWS),
        (shuffled, DRAWS),
        (by_the_clock, DRAWS),
        (generator(), DRAWS),
        (by_keras, SEEDLESS),
        (counting(), WRITES),
    ],
    ids=[
        *("uniform", "seeded", "loop", "branch", "map", "shuffle", "clock"),
        *("generator", "keras", "variable"),
    ],
)
def test_state_that_no_key_decides_is_found_in_the_graph(place, change, told):
    if place is Hook:
        doubts = doubts_of(Hook(change))
    else:
        doubts = doubts_of(Standard(), Layer(change))
    assert len(doubts) == 1 or told == DRAWS
    assert told in doubts[0]


def test_a_seed_generator_that_a_hook_keeps_is_found():
    assert SEEDLESS in doubts_of(Hook(seed_generator()))[0]


@pytest.mark.parametrize(
    "objective", [Standard(), Noise(), PGDTraining(steps=2)], ids=repr
)
def test_draws_that_have_a_key_are_not_doubted(objective):
    layers = keras.layers
    assert not doubts_of(
        objective,
        layers.RandomFlip(),
        layers.RandomRotation(0.1),
        layers.RandomContrast(0.1),
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.2),
        layers.GaussianNoise(0.1),
        layers.GaussianDropout(0.1),
        layers.AlphaDropout(0.1),
        layers.BatchNormalization(),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1),
        layers.RandomBrightness(0.1, value_range=(0, 1)),
    )


@pytest.mark.parametrize("name", ["SGD", "Adam", "Ftrl", "Lion", "Nadam", "Adadelta"])
def test_optimizers_are_not_doubted(name):
    optimizer = getattr(keras.optimizers, name)(0.1)
    assert not doubts_of(Standard(), optimizer=optimizer)


def test_a_constant_that_a_hook_keeps_is_not_doubted():
    constant = kept(lambda: tf.Variable(0.5), lambda v, x: x * v)
    assert not doubts_of(Hook(constant))


def test_a_graph_of_arithmetic_keeps_no_state():
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
    def double(x):
        return tf.map_fn(lambda value: 2 * value, x)

    assert hidden_state(double.get_concrete_function().graph) == []
