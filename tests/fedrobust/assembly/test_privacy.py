"""What the mechanism of an experiment costs, and the noise that a target needs."""

import math
import warnings

import numpy as np
import pytest

from fedrobust.assembly import Experiment, privacy
from fedrobust.assembly.tariff import noise_for, tariff_of
from fedrobust.errors import ConfigError
from fedrobust.privacy import epsilon_of, noise_multiplier_for
from fedrobust.privacy.release import Release
from strategies.sampling import sample_clients

SMALL = (
    *("dataset=digits", "dataset.num_train=400", "num_clients=8", "num_rounds=5"),
    *("model=mlp", "model.hidden=[4]", "strategy=mean"),
)


@pytest.fixture
def made(configure):
    def make(*overrides: str) -> Experiment:
        return Experiment(configure(*SMALL, *overrides))

    return make


def release_of(experiment: Experiment) -> Release:
    (release,) = set(experiment.tariff(range(8)).releases.values())
    return release


@pytest.mark.parametrize(
    ("overrides", "release", "is_hidden"),
    [
        ([], Release(1.0), True),
        (["participation=0.5"], Release(1.0, 0.5, "fixed"), True),
        (["participation=0.3"], Release(1.0, 3 / 8, "fixed"), True),
        (
            ["participation=0.5", "privacy.sampling=poisson"],
            Release(1.0, 0.5),
            True,
        ),
        (["participation=0.5", "privacy.accountant=pld"], Release(1, 1, "none"), False),
        (["privacy.accountant=pld"], Release(1.0), True),
    ],
)
def test_amplification_is_claimed_where_sampling_is_what_was_proved(
    made, overrides, release, is_hidden
):
    experiment = made("privacy=client_dp", *overrides)
    assert release_of(experiment) == release
    assert experiment.tariff(range(8)).is_hidden == is_hidden


def test_missing_clients_make_a_sample_of_fixed_size_a_larger_share(made):
    experiment = made("privacy=client_dp", "participation=0.1")
    assert release_of(experiment).sampling_rate == 1 / 8
    (release,) = set(experiment.tariff([0, 3, 5, 6]).releases.values())
    assert release.sampling_rate == 1 / 4
    (release,) = set(experiment.tariff([3]).releases.values())
    assert release == Release(1.0), "the only client is in every round"


def test_local_dp_hides_nobodys_part_in_a_round(made):
    experiment = made("privacy=local_dp", "participation=0.5")
    assert release_of(experiment) == Release(1.0, 1.0, "none")
    assert not experiment.tariff(range(8)).is_hidden


def test_each_client_samples_its_own_examples(made):
    experiment = made("privacy=dp_sgd", "training.batch_size=20", "partition=dirichlet")
    tariff = experiment.tariff(range(8))
    sizes = [len(experiment.client_rows(client)[0]) for client in range(8)]
    rates = [tariff.releases[client].sampling_rate for client in range(8)]
    assert rates == [min(1.0, 20 / size) for size in sizes]
    assert len(set(sizes)) > 2
    steps = [tariff.count(client, 1) for client in range(8)]
    assert steps == [math.ceil(size / 20) for size in sizes]


def test_without_a_federation_one_client_holds_all_examples(made):
    tariff = made(
        "privacy=dp_sgd", "centralised=true", "training.batch_size=40"
    ).tariff([0])
    assert tariff.releases == {0: Release(1.0, 0.1)}
    assert tariff.count(0, 1) == 10


def test_a_target_is_spent_by_all_rounds_together(made):
    experiment = made("privacy=client_dp", "privacy.target_epsilon=3")
    noise = experiment.noise_multiplier
    assert noise == noise_multiplier_for(3, steps=5, delta=1e-5)
    ledger = experiment.ledger()
    for round in range(1, 6):
        ledger.record(round, range(8))
    assert 2.999 < ledger.epsilon() <= 3


@pytest.mark.parametrize("mechanism", ["local_dp", "dp_sgd"])
def test_a_target_holds_for_the_client_that_is_sampled_most(made, mechanism):
    experiment = made(
        f"privacy={mechanism}",
        *("privacy.target_epsilon=2", "participation=0.4", "partition=dirichlet"),
    )
    ledger = experiment.ledger()
    times = np.zeros(8)
    for round in range(1, 6):
        sampled = sample_clients(range(8), 0.4, 0, round)
        ledger.record(round, sampled)
        times[sampled] += 1
    spent = ledger.epsilon_by_client()
    assert 1.999 < ledger.epsilon() == max(spent.values()) <= 2
    if mechanism == "local_dp":
        assert times[max(spent, key=spent.get)] == max(times) > min(times)
        assert len(set(spent.values())) == len(set(times))


def test_a_target_is_looked_for_once_in_a_process(made, monkeypatch):
    asked = []

    def counting(*arguments):
        asked.append(arguments)
        return noise_for(*arguments)

    monkeypatch.setattr(privacy, "noise_for", counting)
    found = {
        made("privacy=local_dp", "privacy.target_epsilon=7").noise_multiplier
        for _ in range(3)
    }
    assert len(asked) == len(found) == 1


def test_the_smallest_clients_noise_serves_all(made):
    experiment = made(
        "privacy=dp_sgd", "privacy.target_epsilon=1", "partition=dirichlet"
    )
    noise = experiment.noise_multiplier
    tariff = tariff_of(experiment.config, experiment.mechanism, noise)
    spent = [
        epsilon_of(
            noise_multiplier=noise,
            sampling_rate=release.sampling_rate,
            steps=5 * tariff.count(client, 1),
            delta=1e-5,
        )
        for client, release in tariff.releases.items()
    ]
    assert min(spent) < 0.999 < max(spent) <= 1


def test_no_noise_and_no_mechanism(made):
    noiseless = ["privacy=client_dp", "privacy.target_epsilon=inf"]
    for overrides in ([], ["privacy=secagg"], noiseless):
        experiment = made(*overrides)
        assert experiment.noise_multiplier == 0
        assert experiment.ledger() is None
    assert made("privacy=client_dp").noise_multiplier == 1


def test_a_first_round_that_exceeds_the_limit_is_refused(made):
    experiment = made("privacy=client_dp", "privacy.max_epsilon=2")
    one = epsilon_of(noise_multiplier=1, steps=1, delta=1e-5)
    with pytest.raises(ConfigError) as refused:
        experiment.check()
    said = str(refused.value)
    assert said.startswith("privacy.max_epsilon=2.0: must be at least 4.729, which")
    assert 4.729 - 0.001 < one < 4.729
    needed = float(said.rpartition("noise_multiplier=")[2])
    five = {"steps": 5, "delta": 1e-5}
    assert 1.99 < epsilon_of(noise_multiplier=needed, **five) <= 2


def test_a_client_without_examples_is_in_no_release(made):
    experiment = made(
        *("privacy=dp_sgd", "dataset.num_train=40", "num_clients=20", "seed=1"),
        *("partition.holdout=0.3",),
    )
    sizes = {c: len(experiment.client_rows(c)[0]) for c in range(20)}
    found = tariff_of(experiment.config, experiment.mechanism, 1.0)
    assert found.releases.keys() == {c for c, size in sizes.items() if size}
    nobody = made("privacy=dp_sgd", "num_clients=400", "partition.holdout=0.9")
    assert nobody.tariff(range(400)).releases == {}


def test_statistics_that_no_noise_covers_are_refused(made):
    experiment = made(
        "privacy=local_dp", "model={_target_: tests.own_model.with_batch_norm}"
    )
    with pytest.raises(ConfigError, match=r"^model: has the variable '.*moving_mean"):
        experiment.check()


def test_a_model_without_weights_to_train_is_refused_with_and_without_privacy(made):
    frozen = "model={_target_: tests.own_model.frozen}"
    for overrides in ([], ["privacy=client_dp"], ["privacy=dp_sgd"]):
        with pytest.raises(ConfigError, match=r"^model: has no trainable weights"):
            made(frozen, *overrides).check()


def test_rounds_that_the_accountant_cannot_count_are_refused_before_them(made):
    extreme = ("privacy=local_dp", "privacy.noise_multiplier=0.01", "num_rounds=99")
    made(*extreme).check()
    with pytest.raises(ConfigError, match=r"^privacy\.accountant='pld': must be rdp"):
        made(*extreme, "privacy.accountant=pld").check()


def test_a_target_that_no_noise_meets_closely_is_refused_by_its_key(made):
    with pytest.raises(
        ConfigError, match=r"^privacy\.target_epsilon=0\.002: must be la"
    ):
        made("privacy=client_dp", "privacy.target_epsilon=0.002").check()
    limit = ("privacy.noise_multiplier=0.01", "privacy.max_epsilon=0.002")
    with pytest.raises(ConfigError, match=r"^privacy\.max_epsilon=0\.002: must be"):
        made("privacy=client_dp", *limit).check()


def test_a_delta_that_allows_to_publish_an_example_is_noted(made):
    with pytest.warns(UserWarning, match="above 1 over the 50 examples of client 0"):
        made("privacy=dp_sgd", "privacy.delta=0.021").check()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made("privacy=dp_sgd", "privacy.delta=0.02").check()


def test_the_seed_of_the_noise(made):
    assert made("privacy=client_dp", "seed=7").noise_seed == 7
    secret, other = [
        made("privacy=client_dp", "privacy.secret_noise=true") for _ in range(2)
    ]
    assert secret.noise_seed == secret.noise_seed > 2**64
    assert secret.noise_seed != other.noise_seed, "each run draws its own"
    (part,) = secret.postprocessors
    assert part.seed == secret.noise_seed
    example = made("privacy=dp_sgd", "privacy.secret_noise=true", "model.hidden=[2]")
    assert example.trainer.noise.seed == example.noise_seed > 2**64
    assert example.trainer_of_client(1, 1).noise.seed == example.noise_seed
