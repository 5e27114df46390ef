"""Optimisers of Keras, applied to arrays without the optimiser's own state."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.randomness import Purpose, generator
from fedrobust.training import LocalTraining, Schedule, Standard, Trainer
from tests.fedrobust.training.networks import KEY, small_network, train

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


def test_the_optimizer_state_continues_only_if_it_is_passed(digits):
    network = small_network()
    trainer = Trainer(network, Standard(), keras.optimizers.Adam(0.01))
    x, y = digits.x_train[:32], digits.y_train[:32]
    local = LocalTraining(batch_size=16)
    first, state = trainer.train(network.arrays(), x, y, local, **KEY)
    fresh, _ = trainer.train(first.arrays, x, y, local, **KEY)
    going_on, _ = trainer.train(first.arrays, x, y, local, **KEY, state=state)
    assert any((fresh.arrays[n] != going_on.arrays[n]).any() for n in fresh.arrays)
