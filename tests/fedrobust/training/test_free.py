"""Free adversarial training against its algorithm."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.training import FreeTraining, LocalTraining, Standard, Trainer
from tests.fedrobust.training.objectives import KEY, batches, cross_entropy, mlp, train


def test_an_objective_replays_by_what_it_has_and_not_by_its_base_class(digits):
    class Ascending:
        """Free training with two replays, without a base class."""

        replays = 2

        def perturb(self, model, x, y, seed):
            return tf.clip_by_value(x + model.delta, 0.0, 1.0)

        def loss(self, model, x, x_adv, y):
            return keras.losses.sparse_categorical_crossentropy(
                y, model(x_adv, training=True), from_logits=True
            )

        def advance(self, delta, gradient, round):
            return tf.clip_by_value(delta + 0.1 * tf.sign(gradient), -0.1, 0.1)

    found = train(mlp(), Ascending(), digits)
    expected = train(mlp(), FreeTraining(epsilon=0.1, replays=2), digits)
    assert found.steps == expected.steps == 2 * 5
    for name, values in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[name], values, atol=1e-6)
    assert train(mlp(), Standard(), digits).steps == 5


def test_free_training_is_its_algorithm(digits):
    epsilon, replays = 0.1, 3
    network = mlp()
    start = network.arrays()
    objective = FreeTraining(epsilon=epsilon, replays=replays)
    result = train(network, objective, digits)
    assert result.steps == 5 * replays
    model = network.model
    delta = np.zeros((16, 8, 8, 1), np.float32)
    losses = []
    for x, y in batches(digits):
        for _ in range(replays):
            x_adv = tf.clip_by_value(x + delta[: len(x)], 0, 1)
            with tf.GradientTape() as tape:
                tape.watch(x_adv)
                loss = cross_entropy(model, x_adv, y)
            gradients, upwards = tape.gradient(loss, (model.trainable_variables, x_adv))
            step = epsilon * np.sign(upwards)
            delta[: len(x)] = np.clip(delta[: len(x)] + step, -epsilon, epsilon)
            for w, g in zip(model.trainable_variables, gradients, strict=True):
                w.assign_sub(0.1 * g)
            losses.append(float(loss))
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-4)
    for name, value in network.arrays().items():
        np.testing.assert_allclose(result.arrays[name], value, atol=5e-6)
    network.assign(start)


def test_free_training_gives_robustness(digits):
    from fedrobust.attacks import PGD

    robust = {}
    for objective, epochs in (
        (Standard(), 16),
        (FreeTraining(epsilon=0.15, replays=4), 8),
    ):
        network = mlp()
        trainer = Trainer(network, objective, keras.optimizers.SGD(0.1))
        result, _ = trainer.train(
            network.arrays(), digits.x_train, digits.y_train,
            LocalTraining(local_epochs=epochs), **KEY,
        )  # fmt: skip
        network.assign(result.arrays)
        x_adv = PGD(epsilon=0.1, steps=20)(network.model, digits.x_test, digits.y_test)
        right = np.argmax(network.model(x_adv), axis=1) == digits.y_test
        robust[type(objective).__name__] = right.mean()
    assert robust["FreeTraining"] > robust["Standard"] + 0.1, robust
