"""A trainer whose results are private by example."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.training import LocalTraining, Objective, PGDTraining, Standard
from fedrobust.training.private_trainer import ExampleNoise, PrivateTrainer
from fedrobust.training.trainer import DivergedError
from strategies.threads import parallel_map
from tests.fedrobust.training.networks import KEY, small_network


def trainer_of(objective=None, rate=0.1):
    network = small_network()
    optimizer = keras.optimizers.SGD(rate)
    return PrivateTrainer(network, objective or Standard(), optimizer)


def test_any_number_of_threads_gives_the_same_bits(digits):
    trainer = trainer_of(PGDTraining(steps=2))
    arrays, local = trainer.network.arrays(), LocalTraining(batch_size=8)

    def train(client):
        x, y = digits.x_train[client : 40 + client], digits.y_train[client:]
        return trainer.train(arrays, x, y[:40], local, seed=0, round=1, client=client)[
            0
        ]

    serial = [train(client) for client in range(4)]
    for one, other in zip(serial, parallel_map(train, range(4), 4), strict=True):
        for name, value in one.arrays.items():
            np.testing.assert_array_equal(other.arrays[name], value)


def test_clipping_noise_and_rate_are_arguments_of_one_graph(digits):
    trainer = trainer_of()
    x, y = digits.x_train[:40], digits.y_train[:40]
    found, graphs = [], set()
    for other in (trainer, trainer.with_noise(ExampleNoise(0.5, 0.1)),
                  trainer.with_noise(ExampleNoise(0.5, 2.0)),
                  trainer.with_learning_rate(0.2)):  # fmt: skip
        local = LocalTraining(batch_size=8)
        found.append(other.train(trainer.network.arrays(), x, y, local, **KEY)[0].loss)
        graphs.add(id(other._run.trace))
    assert len(set(found)) == 4
    assert len(graphs) == 1


def test_clients_of_any_size_use_one_graph(digits):
    trainer = trainer_of()
    graph = trainer._run.trace
    local = LocalTraining(batch_size=16)
    for n, steps in ((1, 1), (10, 1), (70, 5)):
        x, y = digits.x_train[:n], digits.y_train[:n]
        trained, _ = trainer.train(trainer.network.arrays(), x, y, local, **KEY)
        assert (trained.steps, trained.num_examples) == (steps, n)
    assert trainer._run.trace is graph


class Brightest(Objective):
    """Divides by the brightest pixel, so a black image has no finite loss."""

    def loss(self, model, x, x_adv, y):
        return super().loss(model, x, x_adv, y) / tf.reduce_max(x, axis=[1, 2, 3])


def test_whether_it_diverged_is_judged_by_what_is_released(digits):
    x, y = digits.x_train[:20].copy(), digits.y_train[:20]
    x[0] = 0
    local = LocalTraining(batch_size=20)
    trainer = trainer_of(Brightest())
    trained, _ = trainer.train(trainer.network.arrays(), x, y, local, **KEY)
    assert not np.isfinite(trained.loss)
    wild = trainer_of(rate=1e38).with_noise(ExampleNoise(1e6, 1.0))
    with pytest.raises(DivergedError, match=r"in round 2: lower the learning rate"):
        wild.train(trainer.network.arrays(), x, y, local, **KEY)


def test_clients_do_not_train_together(digits):
    data = dict.fromkeys(range(2), (digits.x_train[:8], digits.y_train[:8]))
    trainer = trainer_of()
    with pytest.raises(ValueError, match=r"set runtime\.cohort to 1"):
        trainer.train_together(
            trainer.network.arrays(), data, LocalTraining(), seed=0, round=1
        )
