"""Which clients train by the objective."""

import numpy as np
import pytest

from fedrobust.assembly import Experiment
from fedrobust.errors import ConfigError
from fedrobust.training import PGDTraining, Standard
from fedrobust.training.private_trainer import ExampleNoise, PrivateTrainer
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


PRIVATE = ("num_clients=4", "dataset.num_train=80", "privacy=dp_sgd")


def test_with_dp_sgd_honest_clients_train_privately(configure):
    config = configure(
        *PRIVATE,
        "privacy.clip=0.7",
        "privacy.noise_multiplier=1.3",
        "num_byzantine=1",
        "byzantine=robustness_poisoning",
        "training=pgd",
        "training.fraction=0.5",
    )
    experiment = Experiment(config)
    trainers = [experiment.trainer_of_client(c, 1) for c in range(4)]
    (byzantine,) = experiment.attackers(1)
    for client, trainer in enumerate(trainers):
        # A Byzantine client that minimises its own loss keeps to no protocol.
        assert isinstance(trainer, PrivateTrainer) == (client != byzantine)
        if client != byzantine:
            assert trainer.noise == ExampleNoise(0.7, 1.3, config.seed)
    kinds = {type(trainer.objective) for trainer in trainers}
    assert kinds >= {PGDTraining, Standard}


def test_clip_noise_and_rate_share_one_graph(configure):
    graphs = set()
    for extra in (
        ["privacy.noise_multiplier=2"],
        ["privacy.clip=3", "seed=5"],
        ["training.optimizer.learning_rate=0.3"],
        ["privacy.secret_noise=true"],
    ):
        trainer = Experiment(configure(*PRIVATE, *extra)).trainer
        graphs.add(id(trainer._run.trace))
        secret = "secret" in extra[0]
        assert (trainer.noise.seed >= 2**32) == secret
    assert len(graphs) == 1


def test_a_users_objective_that_mixes_examples_is_refused(configure):
    own = "training.objective._target_=tests.own_hooks.Leaning"
    config = configure(*PRIVATE, own)
    with pytest.raises(ConfigError, match=r"training: .*Leaning\.perturb changes"):
        _ = Experiment(config).trainer
