"""CalFAT: logits calibrated by the labels of the client."""

import numpy as np
import pytest

from fedrobust.backend import keras, tf
from fedrobust.training import CalFAT, LocalTraining, Standard, Trainer
from tests.fedrobust.training.objectives import KEY, Logits, mlp


def test_calfat_gives_the_prior_back_to_the_labels():
    # Logits say nothing; the prior is 3 : 1, hence p = (3/4, 1/4).
    model = Logits(class_counts=tf.constant([3.0, 1.0]))
    z, y = np.zeros((2, 2), np.float32), np.array([0, 1])
    expected = [-np.log(3 / 4), -np.log(1 / 4)]
    for variant in ("paper", "code"):
        loss = CalFAT(variant=variant).loss(model, z, z, y)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
    # The code scales logits by 10: 3 e : 1 for a lead of 0.1.
    z = np.array([[0.1, 0]], np.float32)
    paper, code = (
        float(CalFAT(variant=v).loss(model, z, z, [0])[0]) for v in ("paper", "code")
    )
    assert paper == pytest.approx(-np.log(3 * np.exp(0.1) / (3 * np.exp(0.1) + 1)))
    assert code == pytest.approx(-np.log(3 * np.e / (3 * np.e + 1)), rel=1e-5)


def test_a_class_that_a_client_lacks_counts_as_one_image():
    model = Logits(class_counts=tf.constant([4.0, 0.0]))
    z = np.zeros((1, 2), np.float32)
    loss = CalFAT().loss(model, z, z, [0])
    np.testing.assert_allclose(loss, [-np.log(4 / 5)], rtol=1e-5)


def test_calfat_knows_the_labels_of_its_client(digits):
    # Two clients with other labels, and other images of no part in the one batch:
    # their gradients differ by the prior alone.
    local = LocalTraining(local_steps=1, batch_size=70)
    results = []
    for y in (digits.y_train[:70], np.where(np.arange(70) < 35, 0, 1)):
        trainer = Trainer(mlp(), Standard(), keras.optimizers.SGD(0.1))
        plain, _ = trainer.train(
            trainer.network.arrays(), digits.x_train[:70], y.astype(np.int32), local,
            **KEY,
        )  # fmt: skip
        calibrated = CalFAT(epsilon=0, steps=1)
        trainer = Trainer(trainer.network, calibrated, keras.optimizers.SGD(0.1))
        shifted, _ = trainer.train(
            trainer.network.arrays(), digits.x_train[:70], y.astype(np.int32), local,
            **KEY,
        )  # fmt: skip
        counts = np.bincount(y, minlength=10).clip(1)
        z = trainer.network.model(digits.x_train[:70]).numpy()
        expected = np.mean(
            keras.losses.sparse_categorical_crossentropy(
                y, z + np.log(counts), from_logits=True
            )
        )
        assert shifted.loss == pytest.approx(float(expected), rel=1e-4)
        results.append(shifted.loss - plain.loss)
    # Where a client has two classes, the prior explains most of their labels.
    assert results[1] < results[0] - 0.5
