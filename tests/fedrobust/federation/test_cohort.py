"""Clients that train together train as each would alone, and nobody else is touched."""

import warnings

import numpy as np
import pytest

from fedrobust.assembly import Experiment, forget
from fedrobust.backend import keras
from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError
from fedrobust.federation.cohort import Cohort
from fedrobust.models import MLP, build_model
from fedrobust.network import Network
from fedrobust.one_run import run
from fedrobust.training import LocalTraining, Noise, PGDTraining, Standard, Trainer
from fedrobust.training.trainer import DivergedError

SMALL = ("num_clients=12", "num_rounds=2", "dataset.num_train=300", "model.hidden=[8]")


def config_of(*overrides):
    return load_config(compose_run([*SMALL, *overrides]))


def network_with(*layers):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    return Network(model)


def layers_of(kind):
    return {
        "plain": lambda: [keras.layers.Flatten(), keras.layers.Dense(8, "relu")],
        "convolution": lambda: [
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
        ],
        "norm_and_dropout": lambda: [
            keras.layers.Flatten(),
            keras.layers.Dense(8, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ],
    }[kind]()


# What differs in kind: random draws of layers with every objective, and the gradient of
# PGD by the inputs through every kind of layer.
@pytest.mark.parametrize(
    ("objective", "kind"),
    [
        ("standard", "norm_and_dropout"),
        ("noise", "norm_and_dropout"),
        ("pgd", "norm_and_dropout"),
        ("pgd", "convolution"),
        ("pgd", "plain"),
    ],
)
def test_together_is_as_alone(digits, objective, kind):
    objective, optimizer = {
        "standard": (Standard(), keras.optimizers.SGD(0.1, momentum=0.9)),
        "noise": (Noise(epsilon=0.3), keras.optimizers.Adam(0.01)),
        "pgd": (PGDTraining(epsilon=0.2, steps=3), keras.optimizers.SGD(0.05)),
    }[objective]
    network = network_with(*layers_of(kind))
    trainer = Trainer(network, objective, optimizer)
    local = LocalTraining(batch_size=8, local_epochs=2)
    data = {
        client: (digits.x_train[rows], digits.y_train[rows])
        for client, rows in {
            3: slice(0, 20),
            7: slice(20, 40),
            8: slice(40, 60),
        }.items()
    }
    key = {"seed": 3, "round": 2}
    together = trainer.train_together(network.arrays(), data, local, **key)
    for client, (x, y) in data.items():
        alone, _ = trainer.train(network.arrays(), x, y, local, client=client, **key)
        found = together[client]
        assert (found.steps, found.num_examples) == (alone.steps, 20) == (6, 20)
        np.testing.assert_allclose(found.loss, alone.loss, rtol=1e-4)
        for name, values in alone.arrays.items():
            np.testing.assert_allclose(
                found.arrays[name], values, atol=2e-4, err_msg=name
            )


def test_one_that_diverges_takes_nobody_along(digits):
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[8])
    network = Network(build_model(recipe, 0, (8, 8, 1)))
    trainer = Trainer(network, Standard(), keras.optimizers.SGD(0.1))
    x, y = digits.x_train[:20], digits.y_train[:20]
    data = {0: (x, y), 1: (x * np.float32(np.inf), y), 2: (x, y)}
    found = trainer.train_together(
        network.arrays(), data, LocalTraining(), seed=0, round=1
    )
    assert isinstance(found[1], DivergedError)
    alone, _ = trainer.train(
        network.arrays(), x, y, LocalTraining(), seed=0, round=1, client=2
    )
    for name, values in alone.arrays.items():
        np.testing.assert_allclose(found[2].arrays[name], values, atol=1e-6)


def test_a_client_whose_data_fail_ends_nothing_but_itself(monkeypatch, tmp_path):
    honest = Experiment.training_data

    def failing(self, client, round):
        if client == 2:
            raise LookupError("no image to poison")
        return honest(self, client, round)

    monkeypatch.setattr(Experiment, "training_data", failing)
    result, _, _ = run_of(tmp_path, "runtime.cohort=4")
    assert result.failed == 2  # one client in each of two rounds
    assert any("each trains alone: no image" in text for text in result.warnings)


def test_only_equally_many_images_go_together(digits):
    recipe = MLP(input_shape=[8, 8, 1], num_classes=10, hidden=[8])
    trainer = Trainer(
        Network(build_model(recipe, 0, (8, 8, 1))),
        Standard(),
        keras.optimizers.SGD(0.1),
    )
    x, y = digits.x_train, digits.y_train
    with pytest.raises(ValueError, match="equally many"):
        trainer.train_together(
            {}, {0: (x[:3], y[:3]), 1: (x[:4], y[:4])}, LocalTraining(), seed=0, round=1
        )


def test_groups_are_those_of_the_ids_whatever_the_workers():
    for workers in (1, 2):
        config = config_of("runtime.cohort=5", f"runtime.workers={workers}")
        groups = Cohort(Experiment(config)).groups(
            1, [11, 0, 4, 3, 2, 1, 5, 6, 7, 8, 9]
        )
        assert [list(g.clients) for g in groups] == [
            [0, 1, 2, 3, 4],
            [5, 6, 7, 8, 9],
        ]  # 11 has no company, and trains itself


def test_clients_with_other_goals_or_sizes_are_grouped_apart():
    config = config_of(
        "runtime.cohort=12", "training=noise", "training.fraction=0.5", "num_clients=11"
    )
    groups = Cohort(Experiment(config)).groups(1, range(11))
    trainers = {id(group.trainer) for group in groups}
    assert len(trainers) == 2
    assert len(groups) > 2  # 300 images among 11 clients: 28 or 27 each
    grouped = [client for group in groups for client in group.clients]
    assert len(grouped) == len(set(grouped))


def run_of(tmp_path, *overrides):
    config = config_of(*overrides)
    folder = tmp_path / config.digest / "-".join(overrides).replace("/", "")
    result = run(config, folder)
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    weights = keras.models.load_model(folder / "model.keras").get_weights()
    return result, rows, weights


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.momentum=0.9", "byzantine=sign_flip", "num_byzantine=2"),
        ("byzantine=label_flip", "num_byzantine=2", "strategy=median"),
        ("training=pgd", "training.epsilon=0.1", "participation=0.5"),
        ("byzantine=alie", "num_byzantine=3", "strategy=krum"),
    ],
)
def test_a_run_is_the_same_but_for_its_last_bits(tmp_path, overrides):
    _, _, alone = run_of(tmp_path, *overrides)
    first, _, together = run_of(tmp_path, *overrides, "runtime.cohort=4")
    _, _, again = run_of(tmp_path, *overrides, "runtime.cohort=4", "runtime.workers=1")
    assert first.failed == first.quarantined == 0
    for a, b, c in zip(alone, together, again, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
        np.testing.assert_array_equal(b, c)


def test_a_federation_without_company_trains_alone(tmp_path):
    _, _, alone = run_of(tmp_path, "participation=0.01")
    _, _, together = run_of(tmp_path, "participation=0.01", "runtime.cohort=4")
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_clients_that_find_no_company_are_told_of(tmp_path):
    skewed = ("partition=dirichlet", "partition.alpha=1", "runtime.cohort=4")
    with pytest.warns(UserWarning, match="fewer than half of the clients together"):
        Cohort(Experiment(config_of(*skewed))).train(
            Experiment(config_of(*skewed)).initial_arrays(), 1, range(6)
        )
    even = config_of("runtime.cohort=4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Cohort(Experiment(even)).train(Experiment(even).initial_arrays(), 1, range(6))
        Cohort(Experiment(even)).train(Experiment(even).initial_arrays(), 1, [0])


def test_the_cohort_is_in_the_digest_and_workers_are_not():
    alone = config_of().digest
    assert config_of("runtime.cohort=1", "runtime.workers=3").digest == alone
    assert config_of("runtime.cohort=4").digest != alone


def test_what_cannot_be_grouped_is_refused():
    with pytest.raises(ConfigError, match=r"runtime.cohort=4: must be 1, because"):
        config_of("runtime=ray", "runtime.cohort=4")
    with pytest.raises(ConfigError, match=r"runtime.cohort=4: must be 1 with training"):
        config_of("training.scaffold=true", "runtime.cohort=4")
    with pytest.raises(ConfigError, match=r"cohort=0: must be at least 1"):
        config_of("runtime.cohort=0")


def test_each_group_is_one_program(monkeypatch):
    config = config_of("runtime.cohort=6", "num_rounds=1")
    trained = []
    original = Trainer.train_together

    def counted(self, arrays, data, *args, **kwargs):
        trained.append(sorted(data))
        return original(self, arrays, data, *args, **kwargs)

    monkeypatch.setattr(Trainer, "train_together", counted)
    monkeypatch.setattr(Trainer, "train", lambda *args, **kwargs: pytest.fail("alone"))
    from fedrobust.federation.client import client_app
    from fedrobust.federation.server import serve

    experiment, reports = Experiment(config), []
    cohort = Cohort(experiment)
    experiment.runtime.run(
        lambda grid: serve(
            grid, experiment, lambda report, *_: reports.append(report), print, cohort
        ),
        client_app(experiment, cohort),
        config.num_clients,
    )
    assert sorted(trained) == [list(range(6)), list(range(6, 12))]
    assert reports[0].accepted == list(range(12))


def test_a_sweep_over_many_hooks_makes_each_trainer_once():
    forget()
    configs = [
        config_of("training=pgd", f"training.epsilon={0.01 * i}", f"seed={seed}")
        for seed in (0, 1)
        for i in range(1, 11)
    ]
    assert len({id(Experiment(config).trainer) for config in configs}) == 10
