"""The compiled local epoch does what a plain Keras loop does, hook included."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.network import Network
from fedrobust.training import LocalTraining, Noise, PGDTraining, Standard, Trainer
from fedrobust.training.trainer import DivergedError, Trained
from strategies.threads import parallel_map
from tests.fedrobust.training.networks import KEY, small_network, train


def with_batch_norm_and_dropout() -> Network:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(12, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10),
        ]
    )
    return Network(model)


@keras.saving.register_keras_serializable("tests")
class Penalised(keras.layers.Layer):
    """Adds to the loss what its inputs say, an example each."""

    def call(self, inputs):
        self.add_loss(0.02 * tf.reduce_mean(tf.square(inputs), axis=-1))
        return inputs


class Watched(Penalised):
    """Looks at values, as no graph can."""

    def call(self, inputs):
        np.asarray(inputs)
        return super().call(inputs)

    def compute_output_shape(self, shape):
        return shape


def penalised(layer=Penalised):
    """A model with regularisers, a layer that is used twice, and losses added."""
    inputs = keras.Input((8, 8, 1))
    dense = keras.layers.Dense(
        16,
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(1),
        kernel_regularizer=keras.regularizers.L2(0.05),
        activity_regularizer=keras.regularizers.L1(0.001),
    )
    x = keras.layers.Dense(16, kernel_initializer=keras.initializers.GlorotUniform(2))(
        keras.layers.Flatten()(inputs)
    )
    x = layer()(dense(dense(x)))
    last = keras.layers.Dense(10, kernel_initializer=keras.initializers.Ones())
    return keras.Model(inputs, last(x))


def test_what_a_model_adds_to_its_loss_is_trained_as_in_keras(digits):
    model = penalised()
    network = Network(model)
    local = LocalTraining(batch_size=70)
    result, _ = train(network, Standard(), keras.optimizers.SGD(0.1), digits, local)
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    loss = model.train_on_batch(digits.x_train[:70], digits.y_train[:70])
    assert result.loss == pytest.approx(float(loss), rel=1e-5)
    for name, value in network.arrays().items():
        np.testing.assert_allclose(result.arrays[name], value, atol=2e-6)


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_threads_do_not_share_losses(digits):
    network = Network(penalised(Watched))
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.1))
    assert not trainer.has_graph

    def run(client: int) -> Trained:
        x, y = digits.x_train[:40], digits.y_train[:40]
        local = LocalTraining(batch_size=8)
        arrays = network.arrays()
        return trainer.train(arrays, x, y, local, seed=0, round=1, client=client)[0]

    serial = [run(client).loss for client in range(8)]
    assert [r.loss for r in parallel_map(run, range(8), 4)] == serial


def test_training_learns(digits):
    network = small_network()
    local = LocalTraining(local_epochs=60)
    result, _ = train(network, Standard(), keras.optimizers.SGD(0.3), digits, local)
    network.assign(result.arrays)
    accuracy = (
        np.argmax(network.model(digits.x_train[:70]), axis=1) == digits.y_train[:70]
    ).mean()
    assert accuracy > 0.95


def test_equal_keys_give_equal_bits_and_other_keys_do_not(digits):
    for objective in (Standard(), Noise(), PGDTraining(steps=2)):
        network = with_batch_norm_and_dropout()
        first, _ = train(network, objective, keras.optimizers.SGD(0.1), digits)
        second, _ = train(network, objective, keras.optimizers.SGD(0.1), digits)
        other, _ = train(network, objective, keras.optimizers.SGD(0.1), digits, round=9)
        for name in first.arrays:
            np.testing.assert_array_equal(first.arrays[name], second.arrays[name])
        assert any((first.arrays[n] != other.arrays[n]).any() for n in first.arrays)


def test_batch_statistics_are_learned_and_the_model_itself_is_not_touched(digits):
    network = with_batch_norm_and_dropout()
    start = network.arrays()
    result, _ = train(network, Standard(), keras.optimizers.SGD(0.1), digits)
    assert len(network.statistics) == 2
    for name in network.statistics:
        assert (result.arrays[name] != start[name]).any()
    for name, value in network.arrays().items():
        np.testing.assert_array_equal(value, start[name])


def test_divergence_raises_and_nothing_is_sent(digits):
    with pytest.raises(DivergedError, match="lower the learning rate"):
        train(small_network(), Standard(), keras.optimizers.SGD(1e30), digits)


def test_images_and_labels_of_other_dtypes_are_cast(digits):
    network = small_network()
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.1))
    arrays, x, y = network.arrays(), digits.x_train[:40], digits.y_train[:40]
    wide = {name: values.astype(np.float64) for name, values in arrays.items()}
    same, _ = trainer.train(arrays, x, y, LocalTraining(), **KEY)
    for start, images, labels in (
        (arrays, x.astype(np.float64), y.astype(np.int64)),
        (wide, x, y.astype(np.uint8)),
    ):
        found, _ = trainer.train(start, images, labels, LocalTraining(), **KEY)
        for name, values in same.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], values)
    together = trainer.train_together(
        arrays, {0: (x.astype(np.float64), y.astype(np.int64)), 1: (x, y)},
        LocalTraining(), seed=0, round=1,
    )  # fmt: skip
    assert all(isinstance(trained, Trained) for trained in together.values())


def test_one_graph_serves_all_clients_and_rounds(digits):
    traces = []

    class Counted(PGDTraining):
        def perturb(self, model, x, y, seed):
            traces.append(x.shape)
            return super().perturb(model, x, y, seed)

    network = small_network()
    trainer = Trainer(network, Counted(steps=2), keras.optimizers.SGD(0.1))
    for n in (5, 33, 64):
        trainer.train(
            network.arrays(), digits.x_train[:n], digits.y_train[:n],
            LocalTraining(), seed=0, round=n, client=n,
        )  # fmt: skip
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PGDTraining(epsilon=-1), "epsilon=-1"),
        (lambda: PGDTraining(steps=0), "steps=0"),
        (lambda: PGDTraining(clean_share=1.5), "clean_share=1.5"),
        (lambda: Noise(distribution="laplace"), "distribution='laplace'"),
        (lambda: LocalTraining(batch_size=0), "batch_size=0"),
        (lambda: LocalTraining(momentum=1.0), "momentum=1.0"),
    ],
)
def test_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
