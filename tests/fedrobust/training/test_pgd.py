"""Adversarial training by PGD."""

import numpy as np
import pytest

from fedrobust.backend import keras
from fedrobust.training import LocalTraining, Noise, PGDTraining, Standard, Trainer
from tests.fedrobust.training.networks import KEY, figure, small_network


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
