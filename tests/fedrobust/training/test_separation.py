"""Why clipping bounds what one example changes, and where it would not."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.network import BoundModel, Network
from fedrobust.network.per_example import clipped_sum
from fedrobust.training import (
    ALP,
    DBFAT,
    MART,
    TRADES,
    CalFAT,
    FastTraining,
    FreeTraining,
    Noise,
    Objective,
    PGDTraining,
    Standard,
)
from fedrobust.training.private_trainer import PrivateTrainer
from tests.fedrobust.training.networks import small_network
from tests.own_hooks import Leaning

CLIP = 1.0
SEPARATE = [
    Standard(), Noise(), PGDTraining(steps=3), FastTraining(), TRADES(steps=3),
    MART(steps=3), ALP(steps=3), DBFAT(steps=3, alpha=0),
]  # fmt: skip


def examples(digits, replaced=False):
    """Return 16 digits, the first of which may be another one."""
    x, y = digits.x_train[:16].copy(), digits.y_train[:16].copy()
    if replaced:
        x[0], y[0] = 1 - x[0], (y[0] + 1) % 10
    return tf.constant(x), tf.constant(y)


def step_of(network, objective):
    """Return x' and the sum of clipped gradients, as a private step makes them."""
    weights, fixed = (
        [tf.constant(v) for v in values] for values in network.split(network.arrays())
    )

    def bind(weights):
        received = BoundModel(network, weights, fixed, 9)
        return BoundModel(network, weights, fixed, 9, received=received)

    @tf.function(autograph=False)
    def step(x, y):
        x_adv = objective.perturb(bind(weights), x, y, tf.constant([1, 2]))
        clipped = clipped_sum(
            network, weights, bind, objective.loss, (x, x_adv, y), CLIP, tf.ones(16)
        )
        return x_adv, clipped.gradients, clipped.norms

    return step


def distance(first, second):
    pairs = zip(first, second, strict=True)
    return float(tf.linalg.global_norm([a - b for a, b in pairs]))


@pytest.mark.parametrize("objective", SEPARATE, ids=lambda o: type(o).__name__)
def test_another_example_moves_the_sum_by_no_more_than_twice_the_clip(
    objective, digits
):
    step = step_of(small_network(), objective)
    x_adv, sums, norms = step(*examples(digits))
    moved, other_sums, other_norms = step(*examples(digits, replaced=True))
    assert objective.separate
    # The attacks and the gradients of all other examples do not notice.
    np.testing.assert_array_equal(moved[1:], x_adv[1:])
    np.testing.assert_array_equal(other_norms[1:], norms[1:])
    assert (np.array(norms) > CLIP).all()
    change = distance(sums, other_sums)
    assert 0.1 < change <= 2 * CLIP * (1 + 1e-5)


def test_batch_statistics_break_the_bound(digits):
    """Each gradient is clipped, and yet one image moves the sum by more than 2 C."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(10),
        ]
    )
    # Fifteen images that hardly differ, beside an image like them or unlike them.
    rng = np.random.default_rng(0)
    x = np.repeat(digits.x_train[:1], 16, axis=0) + 0.01 * rng.random((16, 8, 8, 1))
    y = digits.y_train[:16]

    def clipped(x):
        with tf.GradientTape() as tape:
            logits = model(tf.constant(x, tf.float32), training=True)
            losses = keras.losses.sparse_categorical_crossentropy(
                y, logits, from_logits=True
            )
        gradients = tape.jacobian(losses, model.trainable_variables)
        rows = np.concatenate([np.reshape(g, (16, -1)) for g in gradients], axis=1)
        factors = np.minimum(1, CLIP / np.linalg.norm(rows, axis=1))
        return factors @ rows

    other = x.copy()
    other[0] = 1 - x[0]
    assert np.linalg.norm(clipped(x) - clipped(other)) > 3 * CLIP


class Counting(Objective):
    """Says that it is not separate."""

    separate = False


def refused(match, objective, digits, network=None, **options):
    network = network or small_network()
    trainer = PrivateTrainer(network, objective, keras.optimizers.SGD(0.1, **options))
    with pytest.raises(ValueError, match=match):
        trainer.trace((digits.x_train[:4], digits.y_train[:4]))


def test_an_attack_that_mixes_examples_is_found_by_number(digits):
    refused(r"Leaning\.perturb changes an example's input by 0\.0", Leaning(), digits)


@pytest.mark.parametrize("objective", [Counting(), CalFAT(), FreeTraining()])
def test_an_objective_is_refused_by_what_it_declares(objective, digits):
    refused(f"^{type(objective).__name__} uses other examples", objective, digits)


def test_a_scaled_loss_is_refused(digits):
    match = r"^loss_scale_factor=8\.0: must be left out"
    refused(match, Standard(), digits, loss_scale_factor=8.0)


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_a_model_without_a_graph_is_refused(digits):
    class Watched(keras.layers.Layer):
        def call(self, x):
            np.asarray(x)
            return x

        def compute_output_shape(self, shape):
            return shape

    layers = [Watched(), keras.layers.Flatten(), keras.layers.Dense(10)]
    network = Network(keras.Sequential([keras.Input((8, 8, 1)), *layers]))
    refused("cannot be compiled", Standard(), digits, network)


@pytest.mark.parametrize("objective", SEPARATE[:3], ids=lambda o: type(o).__name__)
def test_what_keeps_examples_apart_passes(objective, digits):
    trainer = PrivateTrainer(small_network(), objective, keras.optimizers.SGD(0.1))
    trainer.trace((digits.x_train[:4], digits.y_train[:4]))
    assert trainer.doubts == []
