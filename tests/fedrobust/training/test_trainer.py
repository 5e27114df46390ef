"""The compiled local epoch does what a plain Keras loop does, hook included."""

from dataclasses import dataclass

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.randomness import Purpose, generator
from fedrobust.training import (
    BucketingSimulator,
    LocalTraining,
    Noise,
    Objective,
    PGDTraining,
    Schedule,
    Standard,
    Trainer,
)
from fedrobust.training.trainer import DivergedError, Trained
from strategies.threads import parallel_map

KEY = {"seed": 3, "round": 2, "client": 5}


def small_network(seed: int = 0) -> Network:
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16])
    return Network(build_model(recipe, seed, (8, 8, 1)))


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


def simulated(masks: str, **local: int) -> LocalTraining:
    """Local training with its own dropout masks, or as a published simulator has it."""

    if masks == "own":
        return LocalTraining(**local)

    class Simulated(LocalTraining):
        simulated_by = BucketingSimulator(dropout_masks=masks)

    return Simulated(**local)


def train(network, objective, optimizer, digits, local=None, **key):
    trainer = Trainer(network, objective, optimizer)
    result, state = trainer.train(
        network.arrays(),
        digits.x_train[:70],
        digits.y_train[:70],
        local or LocalTraining(batch_size=16),
        **{**KEY, **key},
    )
    return result, state


def test_a_pass_has_every_example_once_and_a_short_last_batch():
    local = LocalTraining(local_epochs=2, batch_size=4)
    schedule = Schedule.draw(local, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(schedule.bounds, [0, 4, 8, 10, 14, 18, 20])
    assert sorted(schedule.order[:10]) == sorted(schedule.order[10:]) == list(range(10))
    assert list(schedule.order[:10]) != list(schedule.order[10:])


def test_local_steps_cut_passes_short_and_repeat_them():
    local = LocalTraining(local_steps=5, batch_size=4)
    schedule = Schedule.draw(local, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(schedule.bounds, [0, 4, 8, 10, 14, 18])
    one = Schedule.draw(
        LocalTraining(local_steps=1, batch_size=32), 10, generator(0, 2)
    )
    np.testing.assert_array_equal(one.bounds, [0, 10])


STEPPERS = (
    *("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion"),
    *("Muon", "Nadam", "RMSprop", "SGD"),
)
# Keras's own gives no numbers on images some of whose pixels are always black.
UNDEFINED_HERE = ("Adafactor",)
REFUSED = ("LossScaleOptimizer", "MultiOptimizer", "ScheduleFreeAdamW")


def doubled() -> object:
    """An optimiser that overrides what TensorFlow's class does, and calls it."""

    class Doubled(keras.optimizers.SGD):
        def _backend_update_step(self, grads, trainable_variables, learning_rate):
            grads = [2 * g for g in grads]
            super()._backend_update_step(grads, trainable_variables, learning_rate)

    return Doubled(0.1)


def decaying() -> object:
    return keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    )


def test_every_optimizer_of_keras_is_tried():
    classes = {
        name: value
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    }
    assert set(classes) - {"Optimizer"} == {*STEPPERS, *UNDEFINED_HERE, *REFUSED}


@pytest.mark.parametrize(
    "make",
    [
        *(
            pytest.param(lambda n=n: getattr(keras.optimizers, n)(0.05), id=n)
            for n in STEPPERS
        ),
        pytest.param(
            lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
            id="nesterov",
        ),
        pytest.param(
            lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=1.0),
            id="adamw-clip",
        ),
        pytest.param(decaying, id="schedule"),
        pytest.param(doubled, id="own"),
    ],
)
def test_any_optimizer_equals_a_plain_keras_loop(digits, make):
    network = small_network()
    start = network.arrays()
    result, _ = train(network, Standard(), make(), digits)

    rng = generator(KEY["seed"], Purpose.BATCHES, KEY["round"], KEY["client"])
    schedule = Schedule.draw(LocalTraining(batch_size=16), 70, rng)
    network.assign(start)
    model, optimizer = network.model, make()
    if make is decaying:
        optimizer.iterations.assign(5)  # the steps of the round before
    losses = []
    for begin, end in zip(schedule.bounds[:-1], schedule.bounds[1:], strict=True):
        rows = schedule.order[begin:end]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(
                    digits.y_train[rows], model(digits.x_train[rows]), from_logits=True
                )
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        losses.append(float(loss))
    assert result.steps == 5
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-5)
    for name, value in network.arrays().items():
        assert not np.allclose(value, start[name], atol=1e-6), "nothing was trained"
        np.testing.assert_allclose(result.arrays[name], value, atol=2e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: keras.optimizers.SGD(use_ema=True), "SGD has use_ema=True"),
        (
            lambda: keras.optimizers.Adam(gradient_accumulation_steps=2),
            "Adam has gradient_accumulation_steps=2",
        ),
        (
            lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
            "wraps other optimisers",
        ),
        (
            lambda: keras.optimizers.MultiOptimizer(
                {"dense": keras.optimizers.SGD(), "default": keras.optimizers.SGD()}
            ),
            "wraps other optimisers",
        ),
        (lambda: keras.optimizers.ScheduleFreeAdamW(), "starts with the weights"),
    ],
    ids=["ema", "accumulation", "wrapper", "several", "schedule-free"],
)
def test_an_optimizer_that_does_more_than_steps_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        Trainer(small_network(), Standard(), make())


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


def test_passes_without_shuffling_are_in_the_order_of_the_data():
    local = LocalTraining(local_epochs=2, batch_size=4, shuffle=False)
    schedule = Schedule.draw(local, 5, np.random.default_rng(0))
    assert schedule.order.tolist() == [0, 1, 2, 3, 4] * 2
    assert schedule.bounds.tolist() == [0, 4, 5, 9, 10]


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


@pytest.mark.parametrize(
    ("masks", "as_another_client", "as_another_round"),
    [
        ("own", False, False),
        ("client", False, False),
        ("shared", True, False),
        ("constant", True, True),
    ],
)
def test_dropout_masks_are_shared_as_configured(
    digits, masks, as_another_client, as_another_round
):
    """All images are one, so that the order of the batches does not count."""
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[16], dropout=0.5)
    network = Network(build_model(recipe, 0, (8, 8, 1)))
    x, y = np.repeat(digits.x_train[:1], 8, axis=0), np.repeat(digits.y_train[:1], 8)
    local = simulated(masks, local_steps=2, batch_size=4)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.1))

    def weights(round, client):
        key = {"seed": 0, "round": round, "client": client}
        alone, _ = trainer.train(network.arrays(), x, y, local, **key)
        return np.concatenate([v.ravel() for v in alone.arrays.values()])

    start = weights(1, 3)
    assert np.array_equal(weights(1, 5), start) == as_another_client
    assert np.array_equal(weights(2, 3), start) == as_another_round
    together = trainer.train_together(
        network.arrays(), {3: (x, y), 5: (x, y)}, local, seed=0, round=1
    )
    one, other = (together[client].arrays for client in (3, 5))
    assert all(np.array_equal(one[n], other[n]) for n in one) == as_another_client


@pytest.mark.parametrize(("masks", "alike"), [("own", False), ("client", True)])
def test_two_layers_of_equal_size_draw_different_masks(digits, masks, alike):
    """A unit learns where both let it through: half of them, or, drawn apart, 1/4."""
    keras_layers = [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Flatten(),
        *(keras.layers.Dropout(0.5) for _ in range(2)),
        keras.layers.Dense(10, kernel_initializer="zeros"),
    ]
    network = Network(keras.Sequential(keras_layers))
    local = simulated(masks, local_steps=1, batch_size=1)
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(1.0))
    x, y = np.ones((1, 8, 8, 1), np.float32), np.zeros(1, np.int32)
    key = {"seed": 0, "round": 1, "client": 0}
    trained, _ = trainer.train(network.arrays(), x, y, local, **key)
    kernel = next(v for v in trained.arrays.values() if v.shape == (64, 10))
    share = (kernel[:, 0] != 0).mean()
    assert (share > 0.375) == alike


def test_unknown_dropout_masks_are_refused():
    with pytest.raises(ValueError, match="dropout_masks='each': must be 'client'"):
        BucketingSimulator(dropout_masks="each")


def test_batch_statistics_are_learned_and_the_model_itself_is_not_touched(digits):
    network = with_batch_norm_and_dropout()
    start = network.arrays()
    result, _ = train(network, Standard(), keras.optimizers.SGD(0.1), digits)
    assert len(network.statistics) == 2
    for name in network.statistics:
        assert (result.arrays[name] != start[name]).any()
    for name, value in network.arrays().items():
        np.testing.assert_array_equal(value, start[name])


def test_the_optimizer_state_continues_only_if_it_is_passed(digits):
    network = small_network()
    trainer = Trainer(network, Standard(), keras.optimizers.Adam(0.01))
    x, y = digits.x_train[:32], digits.y_train[:32]
    local = LocalTraining(batch_size=16)
    first, state = trainer.train(network.arrays(), x, y, local, **KEY)
    fresh, _ = trainer.train(first.arrays, x, y, local, **KEY)
    going_on, _ = trainer.train(first.arrays, x, y, local, **KEY, state=state)
    assert any((fresh.arrays[n] != going_on.arrays[n]).any() for n in fresh.arrays)


@dataclass(frozen=True, kw_only=True)
class Spy(Objective):
    """Report what the hook made: the loss is a figure of x'."""

    inner: Objective
    figure: str

    def perturb(self, model, x, y, seed):
        return self.inner.perturb(model, x, y, seed)

    def loss(self, model, x, x_adv, y):
        distance = tf.abs(x_adv - x)
        axes = [1, 2, 3]
        values = {
            "distance": tf.reduce_max(distance, axes),
            "mean": tf.reduce_mean(distance, axes),
            "low": tf.reduce_min(x_adv, axes),
            "high": tf.reduce_max(x_adv, axes),
            "moved": tf.cast(tf.reduce_max(distance, axes) > 0, tf.float32),
        }
        # A model has to have a part in it for there to be a gradient.
        return values[self.figure] + 0 * tf.reduce_sum(model(x_adv, training=True), 1)


def figure(inner, name, digits, **key):
    spy = Spy(inner=inner, figure=name)
    local = LocalTraining(batch_size=70)
    result, _ = train(
        small_network(), spy, keras.optimizers.SGD(0.1), digits, local, **key
    )
    return result.loss


@pytest.mark.parametrize(
    "objective",
    [
        Noise(epsilon=0.2),
        PGDTraining(epsilon=0.2, steps=3),
        PGDTraining(epsilon=0.2, steps=3, random_start=False),
    ],
    ids=repr,
)
def test_the_hook_stays_in_its_ball_and_range(objective, digits):
    assert 0.15 < figure(objective, "distance", digits) <= 0.2 + 1e-6
    assert figure(objective, "low", digits) >= 0
    assert figure(objective, "high", digits) <= 1


def test_uniform_and_gaussian_noise_have_the_size_they_should(digits):
    # Half of the values are clipped at 0, which halves the mean of what is left.
    uniform = figure(Noise(epsilon=0.1), "mean", digits)
    gaussian = figure(Noise(epsilon=0.1, distribution="gaussian"), "mean", digits)
    assert 0.02 < uniform < 0.05
    assert uniform < gaussian < 0.08
    assert figure(Noise(epsilon=0), "distance", digits) == 0


def test_a_share_of_the_batch_stays_clean(digits):
    for share, moved in [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)]:
        objective = PGDTraining(epsilon=0.1, steps=2, clean_share=share)
        assert figure(objective, "moved", digits) == pytest.approx(moved, abs=1e-6)


def test_epsilon_warms_up_over_rounds(digits):
    objective = PGDTraining(epsilon=0.2, steps=3, warmup_rounds=4)
    sizes = [figure(objective, "distance", digits, round=r) for r in (1, 2, 4, 9)]
    np.testing.assert_allclose(sizes, [0.05, 0.1, 0.2, 0.2], atol=1e-3)


def test_adversarial_training_helps_and_noise_does_not(digits):
    from fedrobust.attacks import PGD

    robust = {}
    for objective in (
        Standard(),
        Noise(epsilon=0.15),
        PGDTraining(epsilon=0.15, steps=5),
    ):
        network = small_network()
        trainer = Trainer(network, objective, keras.optimizers.SGD(0.2))
        result, _ = trainer.train(
            network.arrays(), digits.x_train, digits.y_train,
            LocalTraining(local_epochs=10), **KEY,
        )  # fmt: skip
        network.assign(result.arrays)
        x_adv = PGD(epsilon=0.15, steps=20)(network.model, digits.x_test, digits.y_test)
        correct = np.argmax(network.model(x_adv), axis=1) == digits.y_test
        robust[type(objective).__name__] = correct.mean()
    assert robust["PGDTraining"] > robust["Standard"] + 0.2
    assert abs(robust["Noise"] - robust["Standard"]) < 0.15


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
