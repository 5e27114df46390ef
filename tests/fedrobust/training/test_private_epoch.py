"""The step of DP-SGD: clipped, summed, noised, divided by what was expected."""

import math

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.network import Network
from fedrobust.training import LocalTraining, PGDTraining, Standard, Trainer, poisson
from fedrobust.training.private_trainer import ExampleNoise, PrivateTrainer
from tests.fedrobust.training.networks import KEY, small_network

NOISELESS = ExampleNoise(clip=1e6, multiplier=0.0)


def linear(regularizer=None) -> Network:
    """A model of two inputs and two logits whose weights are 0."""
    dense = keras.layers.Dense(
        2,
        use_bias=False,
        kernel_initializer="zeros",
        kernel_regularizer=regularizer,
    )
    return Network(keras.Sequential([keras.Input((2,)), dense]))


def trainer_of(network, rate=1.0, **graph):
    return PrivateTrainer(network, Standard(), keras.optimizers.SGD(rate), **graph)


def changed(trainer, noise, x, y, local, start=None):
    """Return how DP-SGD changes the only weight."""
    arrays = start or trainer.network.arrays()
    trained, _ = trainer.with_noise(noise).train(arrays, x, y, local, **KEY)
    (name,) = trainer.network.trainable
    return trained.arrays[name] - arrays[name]


# With weights 0 both probabilities are 1/2, so the gradient is (1/2, -1/2) (x) x for
# label 1; its norm is |x| / sqrt(2).
X = np.array([[0.6, 0.8], [0.0, 0.5]], np.float32)
Y = np.array([1, 0], np.int32)
BOTH = LocalTraining(local_steps=1, batch_size=2)


def test_a_step_by_hand():
    # Norms 0.707 and 0.354; C = 0.354 halves the first and leaves the second.
    clip = 0.5 / math.sqrt(2)
    first = 0.5 * np.outer([0.6, 0.8], [0.5, -0.5])
    second = np.outer([0.0, 0.5], [-0.5, 0.5])
    change = changed(trainer_of(linear()), ExampleNoise(clip, 0.0), X, Y, BOTH)
    np.testing.assert_allclose(change, -(first + second) / 2, atol=1e-7)


def test_terms_without_examples_are_added_after_clipping_and_the_mean():
    (name,) = linear().trainable
    start = {name: np.full((2, 2), 0.25, np.float32)}
    tiny = ExampleNoise(1e-9, 0.0)
    # The gradients of 3 |w|^2 and, from the received weights on, of mu / 2 |w - w_0|^2.
    network = linear(keras.regularizers.L2(3.0))
    change = changed(trainer_of(network, 0.1), tiny, X, Y, BOTH, start)
    np.testing.assert_allclose(change, -0.1 * 6 * 0.25, rtol=1e-6)
    two = LocalTraining(local_steps=2, batch_size=2)
    pulled = trainer_of(network, 0.1, proximal=2.0)
    change = changed(pulled, tiny, X, Y, two, start)
    pull = 2.0 * -0.15  # after the first step
    np.testing.assert_allclose(change, -0.15 - 0.1 * (6 * 0.1 + pull), rtol=1e-5)


@pytest.mark.parametrize("objective", [Standard(), PGDTraining(random_start=False)])
@pytest.mark.parametrize("rows", [256, 32])
def test_without_clipping_noise_and_sampling_it_is_plain_training(
    objective, rows, digits, monkeypatch
):
    monkeypatch.setattr(poisson, "LARGEST", rows)
    network, arrays = small_network(), small_network().arrays()
    local = LocalTraining(local_epochs=2, batch_size=70)
    x, y = digits.x_train[:70], digits.y_train[:70]
    results = []
    for kind in (Trainer, PrivateTrainer):
        momentum = keras.optimizers.SGD(0.1, momentum=0.9)
        trainer = kind(network, objective, momentum, proximal=0.1)
        if isinstance(trainer, PrivateTrainer):
            trainer = trainer.with_noise(NOISELESS)
        results.append(trainer.train(arrays, x, y, local, **KEY)[0])
    plain, private = results
    assert private.loss == pytest.approx(plain.loss, rel=1e-5)
    assert private.steps == plain.steps == 2
    for name, value in plain.arrays.items():
        np.testing.assert_allclose(private.arrays[name], value, atol=1e-6)


def test_the_noise_is_normal_and_new_for_each_step_weight_round_and_client():
    model = keras.Sequential(
        [keras.Input((40,)), keras.layers.Dense(40), keras.layers.Dense(40)]
    )
    network = Network(model)
    # Nothing but noise: clipped gradients of norm 1e-6, and z C = 0.5.
    noise = ExampleNoise(1e-6, 0.5e6)
    trainer = PrivateTrainer(network, Standard(), keras.optimizers.SGD(1.0))
    rng = np.random.default_rng(0)
    x = rng.random((4, 40), np.float32)
    y = np.arange(4, dtype=np.int32)
    arrays = network.arrays()

    def released(steps, **key):
        local = LocalTraining(local_steps=steps, batch_size=4)
        trained, _ = trainer.with_noise(noise).train(
            arrays, x, y, local, **{**KEY, **key}
        )
        # The sum over steps, times the 4 expected examples.
        return {n: 4 * (trained.arrays[n] - v).ravel() for n, v in arrays.items()}

    one = released(1)
    values = np.concatenate(list(one.values()))
    n = values.size
    assert n == 3280
    assert values.std() == pytest.approx(0.5, rel=5 / math.sqrt(2 * n))
    assert abs(values.mean()) < 5 * 0.5 / math.sqrt(n)
    assert (np.abs(values) < 0.5).mean() == pytest.approx(0.6827, abs=0.04)
    # Independent steps add variances, not deviations.
    nine = np.concatenate(list(released(9).values()))
    assert nine.std() == pytest.approx(1.5, rel=5 / math.sqrt(2 * n))
    first, _, second, _ = one.values()
    for other in (second, released(1, round=9)[network.trainable[0]],
                  released(1, client=9)[network.trainable[0]]):  # fmt: skip
        assert abs(np.corrcoef(first, other)[0, 1]) < 5 / math.sqrt(1600)
    np.testing.assert_array_equal(first, released(1, seed=9)[network.trainable[0]])


def test_noise_and_batches_follow_the_noise_seed_alone():
    sampled = LocalTraining(local_steps=3, batch_size=1)
    trainer = trainer_of(linear())
    (one, again, other), (two, three) = (
        [changed(trainer, ExampleNoise(1.0, z, s), X, Y, sampled) for s in seeds]
        for z, seeds in ((1.0, (2**127, 2**127, 2**127 + 1)), (0.0, (1, 2)))
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert (two != three).any()


def test_a_step_without_examples_is_noise_alone():
    x, y = np.tile(X, (500, 1)), np.tile(Y, 500)
    local, trainer = LocalTraining(local_steps=1, batch_size=1), trainer_of(linear())
    silent = [
        seed
        for seed in range(20)
        if not changed(trainer, ExampleNoise(1.0, 0.0, seed), x, y, local).any()
    ]
    assert 2 <= len(silent) <= 14  # 1 / e of them, within three standard errors
    noise = ExampleNoise(1.0, 1.0, silent[0])
    one, other = (changed(trainer, noise, each, y, local) for each in (x, 1 - x))
    np.testing.assert_array_equal(one, other)
    assert one.all()


def test_a_gradient_that_is_not_finite_counts_as_nothing():
    x = np.array([[np.inf, 0.0], [0.0, 0.5]], np.float32)
    change = changed(trainer_of(linear()), ExampleNoise(10.0, 0.0), x, Y, BOTH)
    np.testing.assert_allclose(change, -np.outer([0, 0.5], [-0.5, 0.5]) / 2, atol=1e-7)


def test_dropout_and_half_precision_train(digits):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(16, "relu", dtype="mixed_bfloat16"),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    network = Network(model)
    trainer = PrivateTrainer(network, Standard(), keras.optimizers.SGD(0.5))
    x, y = digits.x_train[:70], digits.y_train[:70]

    def loss(epochs, **key):
        local = LocalTraining(local_epochs=epochs, batch_size=16)
        settings = trainer.with_noise(ExampleNoise(1.0, 0.1))
        return settings.train(network.arrays(), x, y, local, **{**KEY, **key})[0].loss

    assert loss(20) < 0.8 * loss(1)
    assert loss(1) == loss(1)
    assert loss(1) != loss(1, seed=9)  # other masks
