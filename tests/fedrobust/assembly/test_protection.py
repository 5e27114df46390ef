"""What a mechanism becomes at the server and at the clients."""

import pytest

from fedrobust.assembly import Experiment
from fedrobust.assembly.protection import doubts_about
from fedrobust.errors import ConfigError
from strategies.postprocessors import AdaptiveClientDP, ClientDP

SMALL = ("num_clients=10", "participation=0.25", "strategy=mean")


def experiment(configure, *overrides: str) -> Experiment:
    return Experiment(configure(*SMALL, *overrides))


@pytest.mark.parametrize(
    ("choice", "num_mods"),
    [("none", 0), ("dp_sgd", 0), ("secagg", 0), ("local_dp", 1), ("client_dp", 0)],
)
def test_each_mechanism_has_its_place(configure, choice, num_mods):
    found = experiment(configure, f"privacy={choice}", "participation=1")
    assert len(found.client_mods) == num_mods
    assert len(found.postprocessors) == (choice == "client_dp")
    assert found.sampling == "fixed"


def test_the_expected_clients_are_those_that_are_drawn_or_their_mean(configure):
    parameters = ("privacy.clip=0.5", "privacy.noise_multiplier=1.5", "seed=3")
    fixed = experiment(configure, "privacy=client_dp", *parameters)
    # A quarter of 10 is rounded up.
    expected = ClientDP(clip=0.5, noise_multiplier=1.5, expected_clients=3, seed=3)
    assert fixed.postprocessors == [expected]
    poisson = experiment(
        configure, "privacy=client_dp", *parameters, "privacy.sampling=poisson"
    )
    (found,) = poisson.postprocessors
    assert found.expected_clients == 2.5
    assert poisson.sampling == "poisson"


def test_the_adaptive_norm_gets_its_own_parameters(configure):
    found = experiment(
        configure,
        "privacy=client_dp_adaptive",
        "privacy.clip=0.1",
        "privacy.quantile=0.8",
        "privacy.clip_learning_rate=0.3",
        "privacy.count_noise=2",
    )
    assert found.postprocessors == [
        AdaptiveClientDP(
            clip=0.1, noise_multiplier=1.0, expected_clients=3, seed=0, quantile=0.8,
            clip_learning_rate=0.3, count_noise=2.0,
        )
    ]  # fmt: skip


def test_noise_on_the_count_that_leaves_none_for_the_sum_is_refused(configure):
    found = experiment(
        configure,
        "privacy=client_dp_adaptive",
        "privacy.count_noise=0.5",
        "privacy.target_epsilon=1",
    )
    told = r"^privacy\.count_noise=0\.5: must be above noise_multiplier / 2 = "
    with pytest.raises(ConfigError, match=told):
        found.check(will_train=False)


def test_secret_noise_has_another_seed_and_is_a_reason_for_other_bits(
    configure, monkeypatch
):
    # Building the trainers twice takes seconds, and says nothing of the noise.
    monkeypatch.setattr("fedrobust.assembly.experiment.check_training", lambda c: [])
    found = experiment(configure, "privacy=client_dp", "privacy.secret_noise=true")
    (part,) = found.postprocessors
    assert part.seed > 2**64
    assert str(part.seed) not in repr(part)
    (doubt,) = doubts_about(found.config)
    assert doubt.startswith("privacy.secret_noise=true")
    assert found.check(will_train=False) == [doubt]
    assert found.sampling_seed == part.seed
    assert doubts_about(configure(*SMALL, "privacy=client_dp")) == []


def test_clients_are_sampled_by_the_seed_where_nothing_relies_on_secrecy(configure):
    secret = "privacy.secret_noise=true"
    alone = experiment(configure, "privacy=client_dp", secret, "privacy.accountant=pld")
    # PLD knows no amplification by fixed samples, so each client is charged by them.
    assert alone.sampling_seed == 0
    assert experiment(configure, "privacy=local_dp", secret).sampling_seed == 0
    assert experiment(configure, "privacy=client_dp", "seed=3").sampling_seed == 3
