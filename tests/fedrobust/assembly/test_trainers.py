"""Which clients train by the objective."""

import numpy as np

from fedrobust.assembly import Experiment
from fedrobust.training import PGDTraining, Standard
from tests.fedrobust.training.objectives import rounds_of


def test_a_larger_share_has_the_clients_of_a_smaller_one(configure):
    ids = {
        f: Experiment(
            configure("num_clients=10", f"training.fraction={f}")
        ).objective_clients
        for f in (0, 0.01, 0.3, 0.7, 1)
    }
    assert {f: len(found) for f, found in ids.items()} == {
        0: 0, 0.01: 1, 0.3: 3, 0.7: 7, 1: 10,
    }  # fmt: skip
    assert set(ids[0.01]) < set(ids[0.3]) < set(ids[0.7]) < set(ids[1])
    other = configure("num_clients=10", "training.fraction=0.3", "seed=1")
    assert Experiment(other).objective_clients != ids[0.3]


def test_the_others_train_clean(configure):
    config = configure("training=pgd", "num_clients=10", "training.fraction=0.3")
    ids = Experiment(config).objective_clients
    kinds = {
        client: type(Experiment(config).trainer_of_client(client, 1).objective)
        for client in range(10)
    }
    assert [c for c, kind in kinds.items() if kind is PGDTraining] == ids
    assert set(kinds.values()) == {PGDTraining, Standard}


def test_with_nobody_adversarial_it_is_standard_training(configure, tmp_path):
    small = ("num_clients=3", "num_rounds=2", "dataset.num_train=120")
    models = []
    for choice in (["training=standard"], ["training=pgd", "training.fraction=0"]):
        arrays = rounds_of(configure(*small, *choice))[-1]
        models.append(arrays)
    for name, value in models[0].items():
        np.testing.assert_array_equal(models[1][name], value)
