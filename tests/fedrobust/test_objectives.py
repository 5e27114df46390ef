"""Objectives of adversarial training, by hand and by what they achieve."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from fedrobust.attacks import PGD
from fedrobust.backend import keras, tf
from fedrobust.inference import predict
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.training import MART, TRADES, LocalTraining, PGDTraining, Trainer
from fedrobust.training.mart import boosted_cross_entropy
from tests.fedrobust.conftest import digits, trained  # noqa: F401

CLEAN = np.array([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], np.float32)
ATTACKED = np.array([[0.3, 0.9, -0.5], [0.0, 1.0, 0.3]], np.float32)
Y = np.array([0, 2])


def answers(x, training=False):
    """Answer as a model would whose inputs are 0 and 1."""
    return tf.constant(CLEAN if float(tf.reduce_max(x)) == 0 else ATTACKED)


def kl():
    p, log_p = softmax(CLEAN, axis=1), log_softmax(CLEAN, axis=1)
    return (p * (log_p - log_softmax(ATTACKED, axis=1))).sum(axis=1)


def ce(logits):
    return -log_softmax(logits, axis=1)[np.arange(2), Y]


def loss_of(objective):
    return np.asarray(objective.loss(answers, tf.zeros(1), tf.ones(1), Y))


def test_trades_by_hand():
    np.testing.assert_allclose(
        loss_of(TRADES(beta=3.0)), ce(CLEAN) + 3 * kl(), rtol=1e-5
    )
    np.testing.assert_allclose(loss_of(TRADES(beta=0.0)), ce(CLEAN), rtol=1e-6)


def test_mart_by_hand():
    p = softmax(ATTACKED, axis=1)
    # The likeliest wrong class is 1 in both rows.
    boosted = ce(ATTACKED) - np.log(1 - p[:, 1])
    weight = 1 - softmax(CLEAN, axis=1)[np.arange(2), Y]
    expected = boosted + 2 * kl() * weight
    np.testing.assert_allclose(loss_of(MART(beta=2.0)), expected, rtol=1e-5)


def test_mart_stays_finite_where_another_class_is_certain():
    logits = np.array([[0.0, 500.0, 0.0]], np.float32)
    assert np.isfinite(boosted_cross_entropy(np.array([0]), logits)).all()


@pytest.mark.parametrize("kind", [TRADES, MART])
def test_what_makes_no_sense_is_refused(kind):
    with pytest.raises(ValueError, match="beta"):
        kind(beta=-1)
    with pytest.raises(ValueError, match="clean_share"):
        kind(clean_share=0.5)


@pytest.mark.parametrize(
    "objective",
    [
        TRADES(epsilon=0.1, steps=5, beta=3.0),
        MART(epsilon=0.1, steps=5, beta=3.0),
        PGDTraining(epsilon=0.1, steps=5, clean_share=0.5),
    ],
    ids=lambda o: type(o).__name__,
)
def test_it_makes_a_model_robust(trained, objective):  # noqa: F811
    data = trained.data
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[32])
    network = Network(build_model(recipe, 0, (8, 8, 1)))
    trainer = Trainer(network, objective, keras.optimizers.SGD(0.2))
    local = LocalTraining(local_epochs=12)
    result, _ = trainer.train(
        network.arrays(), data.x_train, data.y_train, local, seed=0, round=1, client=0
    )
    standard = Network(trained.model)

    def accuracy(network, arrays, attack=None):
        x = data.x_test
        if attack is not None:
            x = attack.on_network(network, arrays, x, data.y_test)
        return np.mean(predict(network, arrays, x) == data.y_test)

    assert accuracy(network, result.arrays) > 0.85
    attack = PGD(epsilon=0.1, steps=20)
    before = accuracy(standard, standard.arrays(), attack)
    assert accuracy(network, result.arrays, attack) > before + 0.05
