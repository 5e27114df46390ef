"""What is claimed of a run's privacy, and on which terms."""

import json

import pytest

from fedrobust.assembly import Experiment
from fedrobust.assembly.statement import statement_of
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
    assert found["relation"] == "replace one client"
    assert found["sampling"].startswith("fixed size, 4 of 8 clients, does not amplify")
    assert found["trusted"].startswith("nobody but the client itself")


def test_example_level(stated):
    found = stated("privacy=dp_sgd", "training.batch_size=10", "participation=0.5")
    assert found["relation"] == "add or remove one example"
    assert found["sampling"] == (
        "Poisson batches at a rate of 0.2, which amplify; the sampling of clients does "
        "not"
    )
    fifteen = {"noise_multiplier": 1, "sampling_rate": 0.2, "steps": 15}
    assert found["epsilon"] == epsilon_of(**fifteen, delta=1e-5)
    found = stated("privacy=dp_sgd", "training.batch_size=10", "partition=dirichlet")
    assert " to " in found["sampling"]


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
