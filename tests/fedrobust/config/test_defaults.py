"""A default that changes must change the digest, which does not contain defaults."""

from tests.fedrobust.config.recorded_defaults import (
    ADVICE,
    changes,
    current,
    recorded,
)


def test_no_default_changes_without_the_version_of_its_class():
    before, now = recorded(), current()
    assert len(now) > 80
    assert changes(before, now) == [], ADVICE
    assert now == before, (
        "the defaults on file are old: run "
        "python -m tests.fedrobust.config.recorded_defaults"
    )


def test_a_changed_default_is_noticed_unless_the_version_changed_too():
    before = {"Rate": (1, {"power": 5, "centred": True}), "Gone": (1, {"a": 1})}
    assert changes(before, before) == []
    changed = {"Rate": (1, {"power": 4, "centred": True})}
    assert changes(before, changed) == ["Rate.power was 5 and is 4"]
    # In Python, 1 equals true.
    number = {"Rate": (1, {"power": 5, "centred": 1})}
    assert changes(before, number) == ["Rate.centred was True and is 1"]
    assert changes(before, {"Rate": (2, {"power": 4, "centred": True})}) == []
    # New keys, classes and fields without a default need no other version.
    wider = {"Rate": (1, {"power": 5.0, "depth": None}), "New": (1, {"b": 2})}
    assert changes(before, wider) == []


def test_components_and_parts_of_the_configuration_are_on_file():
    now = current()
    assert now["GeometricMedian"][0] == 2
    assert now["PGD"][1]["steps"] == 40
    assert now["TrainingConfig"][1]["batch_size"] == 32
    assert "epsilon" not in now["TrainingConfig"][1]  # which no digest contains
    assert {"Config", "AttackConfig", "StrategyConfig", "ScreeningConfig"} <= now.keys()
    assert not {"EvaluationConfig", "Local"} & now.keys()
