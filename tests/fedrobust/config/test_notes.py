"""Notes on what a configuration may say but its user probably does not mean."""

import sys

import pytest


def test_warnings_of_what_has_no_effect(configure):
    assert configure().notes == ()
    (warning,) = configure("training.epsilon=0.1").notes
    assert "training.epsilon=0.1 has no effect" in warning
    assert "num_byzantine=0" in configure("byzantine=ipm").notes[0]
    late = configure("byzantine=ipm", "num_byzantine=1", "byzantine_from_round=99")
    assert "byzantine_from_round=99 is after num_rounds" in late.notes[0]
    low = configure("strategy=median", "num_byzantine=2", "strategy.f=1").notes
    assert "strategy.f=1 is below num_byzantine=2" in low[0]


def test_what_is_probably_not_meant_is_noted(configure):
    majority = configure("num_clients=15", "num_byzantine=8", "strategy=median")
    assert any("not a minority" in note for note in majority.notes)
    owned = configure(
        "num_clients=15", "num_byzantine=3", "byzantine=ipm", "strategy=monna",
        "strategy.rule.trusted=5",
    )  # fmt: skip
    assert any("trusted=5 is a Byzantine" in note for note in owned.notes)
    within = configure(
        "num_clients=15", "num_byzantine=3", "byzantine=ipm", "strategy=flanders",
        "strategy.rule.rule._target_=strategies.rules.MoNNA",
        "+strategy.rule.rule.trusted=5",
    )  # fmt: skip
    noted = "strategy.rule.rule.trusted=5 is a Byzantine client"
    assert noted in within.notes


def test_how_often_too_many_are_sampled_is_told(configure):
    """10 of 200 with 20 Byzantine: P[X > 2] = 1 - P[0] - P[1] - P[2] = 6.5 %."""
    from math import comb

    few = sum(comb(20, k) * comb(180, 10 - k) for k in range(3)) / comb(200, 10)
    assert round(100 * (1 - few), 1) == 6.5
    sampled = ["num_clients=200", "num_byzantine=20", "participation=0.05"]
    (note,) = configure(*sampled, "strategy=krum", "strategy.f=2").notes
    assert "6.5% of the rounds sample more than 2" in note
    assert configure(*sampled, "strategy=mean", "strategy.f=10").notes == (
        "strategy.f=10 of 10 clients a round is not a minority: only a rule with a "
        "root data set can withstand it",
    )


def test_only_a_note_of_shares_loads_statistics(configure, monkeypatch):
    """Loading them costs a third of a second, at each start."""
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    half = ["num_clients=20", "participation=0.5"]
    for overrides in (
        [],
        half,
        [*half, "num_byzantine=2", "strategy=krum"],
        [*half, "num_byzantine=10", "strategy=mean", "strategy.f=10"],
        ["num_clients=9", "num_byzantine=3", "strategy=median", "strategy.f=1"],
    ):
        configure(*overrides)
    with pytest.raises(ImportError):
        configure(*half, "num_byzantine=3", "strategy.f=2")


def test_one_client_a_round_is_told(configure):
    (note,) = configure("participation=0.1", "num_byzantine=3").notes
    assert "participation=0.1 samples one client a round" in note
    assert "30.0% of the rounds" in note


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["attack=pgd", "attack.epsilon=8"], "attack.epsilon=8"),
        (["attack=pgd", "attack.epsilon=[0.1,16]"], "attack.epsilon=16"),
        (["attack=pgd", "attack.norm=l2", "attack.epsilon=9"], "attack.epsilon=9"),
        (["training=pgd", "training.epsilon=8"], "training.objective.epsilon=8"),
        (["training=noise", "training.epsilon=4"], "training.objective.epsilon=4"),
        (
            ["byzantine=robustness_poisoning", "byzantine.epsilon=8"],
            "byzantine.epsilon=8",
        ),
    ],
)
def test_an_epsilon_wider_than_the_range_is_noted(overrides, key, configure):
    robust = ["num_byzantine=1", "strategy=median"]
    (note,) = configure(*overrides, *robust).notes
    assert f"{key} is wider than the range of inputs" in note
    assert f"write {key.partition('=')[2]}/255" in note


def test_an_epsilon_within_the_range_is_not_noted(configure):
    for overrides in (
        ["attack=pgd", "attack.epsilon=[8/255,1]"],
        [
            "attack=pgd",
            "attack.norm=l2",
            "attack.epsilon=8",
        ],  # (1, ..., 1) has length 8
        ["training=pgd", "training.epsilon=8.0/255"],
        ["attack.epsilon=8"],
        # How many values an input of somebody's own data has is not known yet.
        [
            *("attack=pgd", "attack.norm=l2", "attack.epsilon=8"),
            *("dataset._target_=tests.own_data.table", "~dataset.input_shape"),
            "model.input_shape=[8,8,1]",
        ],
    ):
        assert configure(*overrides).notes == ()


def test_too_few_votes_on_noise_statistics_are_told(configure):
    few = ("training=fedrbn", "num_clients=10", "training.fraction=0.2", "strategy.f=1")
    (note,) = configure(*few).notes
    assert "2 clients a round train noise statistics, no more than 2f = 2" in note
    assert not configure(*few, "training.fraction=0.3").notes
    (note,) = configure(*few, "training.fraction=0.5", "participation=0.4").notes
    assert "2 clients a round" in note


def test_what_has_no_effect_without_a_federation_is_told(configure):
    (note,) = configure("training=fedprox", "centralised=true").notes
    assert note == "training.proximal has no effect: centralised=true"
