"""What goes together with a privacy mechanism, and what is said about it."""

import sys

import pytest

from fedrobust.config.privacy import unclaimed
from fedrobust.errors import ConfigError

MECHANISMS = (
    *("client_dp", "client_dp_adaptive", "local_dp", "dp_sgd"),
    *("secagg", "group_secagg"),
)
SECAGG = ("privacy=secagg", "privacy.protocol=ideal")
OWN = "tests.own_mechanism.Louder"
GROUPS = ("privacy=group_secagg", "privacy.protocol=ideal", "strategy=median")


@pytest.mark.parametrize(
    "mechanism", ["client_dp", "client_dp_adaptive", "secagg", "group_secagg"]
)
def test_clients_are_weighted_alike_where_a_client_counts_once(configure, mechanism):
    config = configure(f"privacy={mechanism}", "strategy=fedavg", "num_clients=12")
    assert config.strategy.rule["weighted"] is False
    how = "weights all clients alike"
    if mechanism == "group_secagg":
        how = "counts each group once, whatever its size"
    assert any(f"privacy={mechanism} {how}" in note for note in config.notes)
    unweighted = configure(f"privacy={mechanism}", "strategy=mean", "num_clients=12")
    assert not any("weights all clients alike" in note for note in unweighted.notes)
    assert unweighted.digest == config.digest


@pytest.mark.parametrize("mechanism", ["none", "local_dp", "dp_sgd"])
def test_other_mechanisms_leave_the_weights(configure, mechanism):
    config = configure(f"privacy={mechanism}", "strategy=fedavg")
    assert config.strategy.rule["weighted"] is True


def test_a_choice_changes_the_digest_and_none_does_not(configure):
    assert configure("privacy=none").digest == configure().digest
    digests = {configure(f"privacy={name}").digest for name in MECHANISMS}
    assert len(digests | {configure().digest}) == len(MECHANISMS) + 1


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_control_variates_are_refused(configure, mechanism):
    with pytest.raises(ConfigError, match=r"^training\.scaffold=True: must be false"):
        configure(f"privacy={mechanism}", "training=scaffold")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["privacy.delta=0"], r"^privacy\.delta=0(\.0)?: must be above 0 and below 1"),
        (["privacy.delta=1"], r"^privacy\.delta=1(\.0)?: must be above 0"),
        (["privacy.clip=0"], r"^privacy\.clip=0(\.0)?: must be in \[1e-12"),
        (["privacy.clip=-1"], r"^privacy\.clip=-1(\.0)?: must be"),
        (["privacy.noise_multiplier=-1"], r"^privacy\.noise_multiplier=-1"),
        (["privacy.target_epsilon=0"], r"^privacy\.target_epsilon=0"),
        (["privacy.clip=1e300"], r"^privacy\.clip=1e\+300: must be in \[1e-12, 1"),
        (
            ["privacy.noise_multiplier=1e-9"],
            r"multiplier=1e-09: must be 0 or in \[0\.0",
        ),
        (["privacy.noise_multiplier=1e7"], r"multiplier=10000000\.0: must be 0 or in"),
        (
            ["privacy.target_epsilon=1e-9"],
            r"^privacy\.target_epsilon=1e-09: must be in",
        ),
        (["privacy.max_epsilon=inf"], r"^privacy\.max_epsilon=inf: must be"),
        (
            ["privacy.accountant=pld", "privacy.delta=1e-15"],
            r"^privacy\.delta=1e-15: must be at least 1e-10 with accountant=pld",
        ),
        (["privacy.accountant=prv"], r"^privacy\.accountant='?prv'?: must be rdp"),
        (
            ["privacy.noise_multiplier=0", "privacy.max_epsilon=1"],
            r"^privacy\.max_epsilon=1(\.0)?: must be left out",
        ),
        (
            ["privacy.noise_multiplier=1", "privacy.target_epsilon=1"],
            r"^privacy\.noise_multiplier=1(\.0)?: must be left out",
        ),
        (["model=cnn", "model.norm=batch"], r"^model\.norm=batch: must be group, lay"),
        (["training=fedrbn", "model=cnn", "model.norm=dual"], r"^model\.norm=dual"),
    ],
)
@pytest.mark.parametrize("mechanism", ["client_dp", "local_dp", "dp_sgd"])
def test_what_no_noise_covers_is_refused(configure, mechanism, overrides, message):
    with pytest.raises(ConfigError, match=message):
        configure(f"privacy={mechanism}", *overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["privacy=client_dp", "centralised=true"],
            "^privacy=client_dp: must be dp_sgd or none without a federation",
        ),
        (
            ["privacy=dp_sgd", "runtime.cohort=2"],
            r"^runtime\.cohort=2: must be 1 with privacy=dp_sgd",
        ),
        (
            ["privacy=client_dp", "strategy=krum", "privacy.max_epsilon=3"],
            r"^privacy\.max_epsilon=3(\.0)?: must be left out .* what Krum returns",
        ),
        (
            ["privacy=client_dp", "preaggregator=nnm", "privacy.max_epsilon=3"],
            r"^privacy\.max_epsilon=3(\.0)?: must be left out .* preaggregator=nnm",
        ),
        (
            [*SECAGG, "strategy=krum"],
            r"^privacy=secagg: must be group_secagg or none with Krum, which",
        ),
        (
            [*SECAGG, "strategy.rule={_target_:operator.add}"],
            "^privacy=secagg: must be group_secagg or none with add, which needs",
        ),
        (
            [*SECAGG, "partition.holdout=0.2"],
            r"^partition\.holdout=0\.2: must be 0 with privacy=secagg, which does not",
        ),
        (
            [*GROUPS, "partition.holdout=0.2"],
            r"^partition\.holdout=0\.2: must be 0 with privacy=group_secagg",
        ),
        (
            [*SECAGG, "num_clients=1"],
            "^num_clients=1: must be at least 2 with privacy=secagg",
        ),
        (
            [*SECAGG, "privacy.clip=1e30"],
            r"^privacy\.clip=1e\+30: must be in \[1e-06, 1000000",
        ),
        (
            [*SECAGG, "preaggregator=nnm"],
            "^privacy=secagg: must be group_secagg or none with nnm, which needs",
        ),
        (
            [*SECAGG, "participation=0.1"],
            "^participation=0.1: must be larger .* that update, and a round samples 1",
        ),
        (
            [*SECAGG, "privacy.threshold=11"],
            r"^privacy\.threshold=11: must be at most 10, the number of clients",
        ),
        (
            [*SECAGG, "privacy.neighbors=4", "privacy.threshold=6"],
            r"^privacy\.threshold=6: must be at most 5",
        ),
        (
            ["privacy=secagg", "byzantine=alie", "num_byzantine=1"],
            r"^privacy\.protocol=full: must be ideal with byzantine=alie",
        ),
        (
            [*GROUPS, "privacy.threshold=4"],
            r"^privacy\.threshold=4: must be at most 3",
        ),
        (
            ["privacy=group_secagg", "privacy.group_size=1", "strategy=median"],
            r"^privacy\.group_size=1: must be at least 2",
        ),
        (
            [*GROUPS, "strategy=krum", "num_byzantine=1", "privacy.group_size=5"],
            r"^privacy\.group_size=5: must be smaller for Krum.* clients a round are 2 "
            "groups",
        ),
        (
            [*GROUPS, "strategy=foolsgold"],
            "^privacy=group_secagg: must be none with FoolsGold",
        ),
    ],
)
def test_what_a_mechanism_cannot_be_combined_with(configure, overrides, message):
    with pytest.raises(ConfigError, match=message):
        configure("num_clients=10", *overrides)


@pytest.mark.parametrize("base", ["Mechanism", "DifferentialPrivacy"])
def test_a_base_class_of_mechanisms_is_none(configure, base):
    target = f"fedrobust.privacy.{base}"
    told = rf"^privacy\._target_={target}: must be a mechanism.*fedrobust\.privacy\.D"
    with pytest.raises(ConfigError, match=told):
        configure(f"+privacy._target_={target}")


@pytest.mark.parametrize(
    ("overrides", "is_claimed"),
    [
        (["privacy=dp_sgd", "centralised=true"], True),
        (["privacy=dp_sgd", "strategy=krum", "privacy.max_epsilon=3"], True),
        (["privacy=local_dp", "preaggregator=nnm", "privacy.max_epsilon=3"], True),
        ([*SECAGG, "num_clients=2"], False),
        ([*SECAGG, "byzantine=alie", "num_byzantine=1"], False),
        (["privacy=secagg", "byzantine=sign_flip", "num_byzantine=1"], False),
        (
            [*GROUPS, "privacy.group_size=1", "strategy=krum", "num_byzantine=1"],
            False,
        ),
    ],
)
def test_what_a_mechanism_can_be_combined_with(configure, overrides, is_claimed):
    assert (unclaimed(configure(*overrides)) is None) == is_claimed


def test_a_note_says_when_a_wide_range_makes_the_step_coarse(configure):
    def notes(clip):
        config = configure(*SECAGG, f"privacy.clip={clip}", "num_clients=10")
        return [note for note in config.notes if "privacy.clip" in note]

    assert notes(1e4) == []  # a step of 10^4 x 10 / 2^31 = 4.7e-5
    (note,) = notes(1e6)
    assert "to multiples of 0.005," in note


def test_the_owner_of_a_secret_holds_a_share_too(configure):
    configure(*SECAGG, "num_clients=10", "privacy.neighbors=4", "privacy.threshold=5")
    # An odd number of neighbours on an odd ring is one more: 3 becomes 4.
    configure(*SECAGG, "num_clients=9", "privacy.neighbors=3", "privacy.threshold=5")
    with pytest.raises(ConfigError, match="threshold=5: must be at most 4"):
        configure(
            *SECAGG, "num_clients=10", "privacy.neighbors=3", "privacy.threshold=5"
        )


def test_a_note_says_when_byzantine_clients_may_spoil_half_of_the_groups(configure):
    def notes(b):
        overrides = (f"num_byzantine={b}", "byzantine=sign_flip", "strategy=mean")
        config = configure(*GROUPS, *overrides, "num_clients=30")
        return [note for note in config.notes if "groups" in note]

    assert notes(4) == []
    (note,) = notes(5)
    assert note.startswith("num_byzantine=5 clients may spoil 5 of 10 groups")


def test_a_note_says_when_delta_allows_to_publish_a_client(configure):
    def notes(*overrides):
        config = configure("num_clients=20", *overrides)
        return [note for note in config.notes if "delta" in note]

    assert notes("privacy=client_dp", "privacy.delta=0.05") == []
    (note,) = notes("privacy=client_dp", "privacy.delta=0.06")
    assert note.startswith("privacy.delta=0.06 is above 1 over num_clients=20")
    assert notes("privacy=dp_sgd", "privacy.delta=0.06") == []


def test_a_note_says_that_held_out_images_are_not_protected(configure):
    config = configure("privacy=local_dp", "partition.holdout=0.1")
    assert any("hold out is not protected" in note for note in config.notes)


def test_noise_needs_the_library_that_counts_it(configure, monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    monkeypatch.setattr("fedrobust.config.privacy.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'fedrobust\[dp\]'$"):
        configure("privacy=client_dp")
    configure("privacy=client_dp", "privacy.noise_multiplier=0")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["privacy=client_dp"], None),
        (["privacy=client_dp_adaptive", "strategy=fedavg"], None),
        (["privacy=client_dp", "strategy=median"], "what Median returns"),
        (["privacy=client_dp", "preaggregator=nnm"], "preaggregator=nnm"),
        (["privacy=client_dp", "privacy.target_epsilon=inf"], "without noise"),
        (["privacy=dp_sgd", "privacy.noise_multiplier=0"], "without noise"),
        (["privacy=local_dp", "strategy=krum"], None),
        (["privacy=dp_sgd", "strategy=krum", "preaggregator=nnm"], None),
        ([*SECAGG], "secure aggregation hides"),
        ([*GROUPS], "secure aggregation hides"),
        (["privacy=client_dp", "partition.holdout=0.1"], "partition.holdout=0.1 makes"),
        (["privacy=local_dp", "partition.holdout=0.1"], "partition.holdout=0.1 makes"),
        (["privacy=dp_sgd", "partition.holdout=0.1"], "partition.holdout=0.1 makes"),
        (["privacy=client_dp", "strategy=fltrust"], "strategy.root_examples=100"),
        (["privacy=local_dp", "strategy=fltrust"], "strategy.root_examples=100"),
        (["privacy=dp_sgd", "strategy=fltrust"], "strategy.root_examples=100"),
        ([f"+privacy._target_={OWN}"], "no mechanism of fedrobust bounds it"),
    ],
)
def test_an_epsilon_is_claimed_only_where_it_is_proved(configure, overrides, reason):
    found = unclaimed(configure(*overrides))
    assert (found is None) == (reason is None)
    assert reason is None or reason in found


@pytest.mark.parametrize("mechanism", ["client_dp", "local_dp", "dp_sgd"])
def test_a_rule_that_needs_losses_is_refused(configure, mechanism):
    message = (
        rf"rule=SFAT: must be a rule that needs no losses with privacy={mechanism}"
    )
    with pytest.raises(ConfigError, match=message):
        configure(f"privacy={mechanism}", "strategy=sfat")
    configure("strategy=sfat")


def test_noise_on_the_count_that_leaves_none_for_the_sum_is_refused(configure):
    adaptive, count = "privacy=client_dp_adaptive", "privacy.count_noise=0.5"
    with pytest.raises(ConfigError, match=r"^privacy\.count_noise=0\.5: must be above"):
        configure(adaptive, count)
    configure(adaptive, count, "privacy.noise_multiplier=0.9")
    configure(adaptive, "privacy.noise_multiplier=0", count)
    with pytest.raises(ConfigError, match=r"count_noise=1e\+300: must be in \[0, 1"):
        configure(adaptive, "privacy.count_noise=1e300")
    with pytest.raises(ConfigError, match=r"clip_learning_rate=11(\.0)?: must be in"):
        configure(adaptive, "privacy.clip_learning_rate=11")
