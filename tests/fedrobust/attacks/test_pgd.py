"""PGD and its random start."""

import numpy as np

from fedrobust.attacks import FGSM, PGD


def test_pgd_without_random_start_is_fgsm_when_it_takes_one_whole_step(trained):
    x, y = trained.data.x_test, trained.data.y_test
    one = PGD(epsilon=0.1, steps=1, step_size=0.1, random_start=False)
    np.testing.assert_array_equal(
        one(trained.model, x, y), FGSM(epsilon=0.1)(trained.model, x, y)
    )


def test_the_random_start_is_keyed_by_seed_and_index(trained):
    x, y = trained.data.x_test[:4], trained.data.y_test[:4]
    x, y = np.repeat(x[:1], 4, axis=0), np.repeat(y[:1], 4)
    attack = PGD(epsilon=0.2, steps=1, step_size=0.2 / 1000 * 1000)
    first = attack(trained.model, x, y, seed=0)
    assert len({row.tobytes() for row in first}) == 4
    assert (attack(trained.model, x, y, seed=1) != first).any()
    np.testing.assert_array_equal(attack(trained.model, x, y, seed=0), first)
