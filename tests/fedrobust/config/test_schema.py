"""The f of a configuration: that of its strategy or of its rule."""


def test_the_strategy_withstands_what_it_or_its_rule_is_told(configure):
    assert configure("strategy=median", "strategy.f=2").f == 2
    krum = configure("strategy=krum", "strategy.rule.f=2", "num_clients=9")
    assert (krum.strategy.f, krum.f) == (0, 2)
    within = (
        "strategy=flanders", "strategy.rule.rule._target_=strategies.rules.TrimmedMean",
        "+strategy.rule.rule.f=3", "num_clients=9",
    )  # fmt: skip
    assert configure(*within).f == configure(*within).strategy.rule["f"] == 0


def test_f_follows_num_byzantine_unless_told_otherwise(configure):
    assert configure("strategy=krum", "num_byzantine=2").strategy.rule["f"] == 2
    assert configure("strategy=krum", "strategy.f=1").strategy.rule["f"] == 1
