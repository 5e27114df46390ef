"""What is claimed of a run's privacy, and on which terms."""

import json

import pytest

from fedrobust.assembly import Experiment
from fedrobust.assembly.statement import SIZES, statement_of
from fedrobust.privacy import epsilon_of

SMALL = (
    *("dataset=digits", "dataset.num_train=400", "num_clients=8", "num_rounds=3"),
    *("model=mlp", "model.hidden=[4]", "strategy=mean"),
)
KEYS = {
    *("mechanism", "epsilon", "delta", "accountant", "conversion", "relation"),
    *("sampling", "trusted"),
}


@pytest.fixture
def stated(configure):
    """State the privacy of an experiment after some rounds of all its clients."""

    def state(*overrides: str, rounds: int = 3) -> dict:
        experiment = Experiment(configure(*SMALL, *overrides))
        ledger = experiment.ledger()
        for round in range(1, rounds + 1):
            if ledger is not None:
                ledger.record(round, range(8))
        found = statement_of(experiment.config, ledger)
        assert found.keys() >= KEYS
        json.dumps(found, allow_nan=False)
        return found

    return state


def test_nothing_is_stated_without_a_mechanism(configure):
    assert statement_of(configure(*SMALL), None) is None


def test_client_level(stated):
    found = stated("privacy=client_dp")
    three = {"noise_multiplier": 1, "steps": 3, "delta": 1e-5}
    assert found["epsilon"] == epsilon_of(**three)
    assert found["epsilon_classic"] == epsilon_of(**three, conversion="classic")
    assert found["mechanism"] == "client_dp"
    assert (found["delta"], found["accountant"]) == (1e-5, "rdp")
    assert found["conversion"] == "improved"
    assert found["relation"] == "add or remove one client"
    assert found["sampling"] == "every client in every round"
    assert found["trusted"].startswith("the server, which sees every update")
    assert "all who know the seed" in found["trusted"]
    assert (found["clip"], found["noise_multiplier"]) == (1, 1)
    assert found["library"].startswith("dp-accounting 0.6")
    assert not {"reason", "epsilon_by_client", "stopped"} & found.keys()


@pytest.mark.parametrize(
    ("overrides", "relation", "sampling"),
    [
        (
            ["participation=0.5"],
            "replace one client",
            "fixed size, 4 of 8 clients, amplifies",
        ),
        (
            ["participation=0.5", "privacy.sampling=poisson"],
            "add or remove one client",
            "Poisson, each client at a rate of 0.5, amplifies",
        ),
        (
            ["participation=0.5", "privacy.accountant=pld"],
            "replace one client",
            "fixed size, 4 of 8 clients, does not amplify",
        ),
    ],
)
def test_the_relation_is_that_of_the_sampling(stated, overrides, relation, sampling):
    found = stated("privacy=client_dp", *overrides)
    assert found["relation"] == relation
    assert found["sampling"].startswith(sampling)


def test_local_level(stated):
    found = stated("privacy=local_dp", "participation=0.5", "strategy=krum")
    assert found["epsilon_by_client"].keys() == set(map(str, range(8)))
    assert max(found["epsilon_by_client"].values()) == found["epsilon"]
    assert found["relation"] == f"replace one client; {SIZES}"
    assert found["sampling"].startswith("fixed size, 4 of 8 clients, does not amplify")
    assert found["trusted"].startswith("nobody but the client itself")


def test_example_level(stated):
    found = stated("privacy=dp_sgd", "training.batch_size=10", "participation=0.5")
    assert found["relation"] == f"add or remove one example; {SIZES}"
    assert found["sampling"] == (
        "Poisson batches at a rate of 0.2, which amplify; the sampling of clients does "
        "not"
    )
    fifteen = {"noise_multiplier": 1, "sampling_rate": 0.2, "steps": 15}
    assert found["epsilon"] == epsilon_of(**fifteen, delta=1e-5)
    found = stated("privacy=dp_sgd", "training.batch_size=10", "partition=dirichlet")
    assert " to " in found["sampling"]


def test_who_is_always_there_is_not_said_to_be_amplified(stated):
    everybody = "every client in every round"
    assert stated("privacy=client_dp", "participation=0.95")["sampling"] == everybody
    poisson = "privacy.sampling=poisson"
    assert stated("privacy=client_dp", poisson)["sampling"] == everybody
    found = stated("privacy=client_dp", poisson, "participation=0.95")
    assert found["sampling"] == "Poisson, each client at a rate of 0.95, amplifies"
    found = stated("privacy=dp_sgd", "training.batch_size=50")
    assert found["sampling"] == "every example in every batch, which does not amplify"
    found = stated("privacy=dp_sgd", "training.batch_size=50", "partition=dirichlet")
    assert found["sampling"].endswith("to 1, which amplify below 1")


def test_a_bound_of_amplification_is_not_used_where_it_is_the_worse(stated):
    often = stated("privacy=client_dp", "participation=0.8", rounds=2)
    certain = {"noise_multiplier": 1, "sampling": "none", "delta": 1e-5}
    assert often["epsilon"] == epsilon_of(**certain, steps=2)
    assert often["relation"] == "replace one client"
    assert "does not amplify: to be in every round" in often["sampling"]
    assert "pool" not in often["trusted"]


def test_other_clients_are_trusted_with_samples_of_fixed_size(stated):
    half = ["privacy=client_dp", "participation=0.25", "privacy.noise_multiplier=4"]
    assert "the other clients, not to pool" in stated(*half)["trusted"]
    assert "pool" not in stated(*half, "privacy.sampling=poisson")["trusted"]


def test_one_run_of_a_seed_may_be_published(stated):
    assert "at most one run of a seed" in stated("privacy=local_dp")["trusted"]


def test_clients_without_examples_spend_nothing(stated):
    few = ["num_clients=10", "dataset.num_train=400", "partition.holdout=0.9"]
    small = ["privacy=dp_sgd", "partition=dirichlet", "partition.alpha=0.1", "seed=1"]
    assert stated(*few, *small)["epsilon"] is None
    nobody = ["privacy=dp_sgd", "num_clients=400", "partition.holdout=0.9"]
    assert stated(*nobody)["sampling"].startswith("nobody, as no client holds examples")


def test_nothing_is_claimed_of_a_users_own_mechanism(stated):
    found = stated("+privacy._target_=tests.own_mechanism.Louder")
    assert found["epsilon"] is None
    assert "no mechanism of fedrobust bounds it" in found["reason"]
    assert found["trusted"].startswith("unknown: fedrobust cannot know what Louder(")


def test_pld_needs_no_conversion(stated):
    found = stated("privacy=client_dp", "privacy.accountant=pld")
    assert (found["accountant"], found["conversion"]) == ("pld", None)
    assert "epsilon_classic" not in found


def test_secret_noise_needs_trust_in_fewer(stated):
    secret = "privacy.secret_noise=true"
    assert "seed" not in stated("privacy=client_dp", secret)["trusted"]
    assert "seed" not in stated("privacy=dp_sgd", secret)["trusted"]
    # Where the accountant relies on the sampling, it is as secret as the noise.
    sampled = stated("privacy=client_dp", secret, "participation=0.5")
    assert "seed" not in sampled["trusted"]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["privacy=client_dp", "strategy=krum"], "what Krum returns"),
        (["privacy=local_dp", "strategy=fltrust"], "strategy.root_examples=100"),
        (["privacy=dp_sgd", "partition.holdout=0.1"], "partition.holdout=0.1"),
        (["privacy=client_dp", "privacy.noise_multiplier=0"], "without noise"),
        (["privacy=dp_sgd", "privacy.target_epsilon=inf"], "without noise"),
        (["privacy=secagg"], "secure aggregation hides single updates"),
        (["privacy=group_secagg"], "secure aggregation hides single updates"),
    ],
)
def test_a_reason_stands_where_no_epsilon_is_claimed(stated, overrides, reason):
    found = stated(*overrides)
    assert found["epsilon"] is None
    assert found["reason"].startswith("no epsilon is claimed: ")
    assert reason in found["reason"]
    assert "epsilon_classic" not in found


def test_an_infinite_target_is_a_word(stated):
    found = stated("privacy=dp_sgd", "privacy.target_epsilon=inf")
    assert found["target_epsilon"] == "inf"
    assert stated("privacy=dp_sgd", "privacy.target_epsilon=4")["target_epsilon"] == 4


def test_who_is_trusted_with_secure_sums(stated):
    assert stated("privacy=secagg")["trusted"].startswith("the server to follow the")
    ideal = stated("privacy=secagg", "privacy.protocol=ideal")
    assert ideal["trusted"].startswith("everybody")


def test_a_run_that_a_limit_ended_says_why(stated):
    limit = ["privacy=client_dp", "privacy.max_epsilon=8"]
    found = stated(*limit, rounds=2)
    assert found["stopped"] == (
        "one more round after round 2 could spend 9.01, above max_epsilon=8"
    )
    assert found["max_epsilon"] == 8
    assert stated("privacy=client_dp", "privacy.max_epsilon=9.1")["stopped"] is None
