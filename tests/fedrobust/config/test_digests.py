"""Digests: what differs from the defaults of a class names an experiment."""

import dataclasses
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from fedrobust.config import defaults
from fedrobust.config.conf_folder import config_dir
from fedrobust.config.defaults import component_class, defaults_of, with_defaults
from fedrobust.config.digests import TRAINING_VERSION, differences, digest
from fedrobust.config.schema import Config
from fedrobust.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A component: two fields with a default, one without."""

    version: ClassVar[int] = 1

    scale: float
    power: float = 5.0
    centred: bool = True


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count this module's classes among the project's own."""
    monkeypatch.setattr(defaults, "OURS", ("tests.",))
    component_class.cache_clear()
    yield
    component_class.cache_clear()


HERE = f"{__name__}.Rate"


def name_of(value: object) -> str:
    return digest(differences(value), TRAINING_VERSION)


@pytest.mark.usefixtures("ours")
def test_a_component_says_only_what_differs_from_its_defaults():
    written = {"_target_": HERE, "scale": 2, "power": 5, "centred": True}
    assert differences(written) == {"_target_": "Rate", "scale": 2}
    assert differences({**written, "power": 4}) == {
        "_target_": "Rate", "scale": 2, "power": 4
    }  # fmt: skip
    # Not a Boolean, though Python calls them equal.
    assert differences({**written, "centred": 1})["centred"] == 1


@pytest.mark.usefixtures("ours")
def test_a_new_key_with_a_neutral_default_changes_no_digest(monkeypatch):
    written = {"_target_": HERE, "scale": 2.0}
    before = name_of(written)

    @dataclass(frozen=True, kw_only=True)
    class Wider(Rate):
        depth: int | None = None

    Wider.__name__ = "Rate"
    monkeypatch.setattr(f"{__name__}.Rate", Wider)
    component_class.cache_clear()
    assert name_of({**written, "depth": None}) == before
    assert name_of({**written, "depth": 3}) != before


@pytest.mark.usefixtures("ours")
def test_a_raised_version_is_another_digest_wherever_the_component_stands(monkeypatch):
    inner = {"_target_": HERE, "scale": 2.0}
    nodes = [inner, {"a": [inner]}, {"_target_": "mine.Outer", "of": inner}]
    monkeypatch.setattr("fedrobust.config.digests.code_digest", lambda target: None)
    before = [name_of(node) for node in nodes]
    monkeypatch.setattr(Rate, "version", 2)
    assert differences(inner) == {"_target_": "Rate", "scale": 2.0, "_version_": 2}
    after = [name_of(node) for node in nodes]
    assert all(a != b for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("face", "module"),
    [
        ("strategy.rule", "strategies.rules.trimmed_mean.TrimmedMean"),
        ("partition", "fedrobust.data.partition.partitioners.Iid"),
        ("model", "fedrobust.models.mlp.MLP"),
        ("training.objective", "fedrobust.training.standard.Standard"),
    ],
)
def test_a_class_has_one_name_whichever_module_it_is_taken_from(
    configure, face, module
):
    rule = ("strategy=trimmed_mean", "num_byzantine=2")
    moved = configure(*rule, f"{face}._target_={module}")
    assert moved.digest == configure(*rule).digest


def test_no_two_of_our_classes_share_a_name():
    """Else one digest could name either."""
    found: dict[str, set[object]] = {}
    for path in config_dir().rglob("*.yaml"):
        for target in re.findall(r"_target_: (\S+)", path.read_text()):
            if cls := component_class(target):
                found.setdefault(cls.__name__, set()).add(cls)
    assert len(found) > 80
    assert [names for names in found.values() if len(names) > 1] == []


def test_defaults_that_are_written_are_the_defaults(configure):
    plain = configure("training=pgd", "strategy=rfa", "attack=pgd")
    written = configure(
        *("training=pgd", "strategy=rfa", "attack=pgd", "training.proximal=0"),
        *("training.objective.steps=10", "byzantine_from_round=1"),
        *("strategy.server_optimizer.momentum=0", "attack.samples=null"),
    )
    assert written.digest == plain.digest
    assert written.evaluation_digest == plain.evaluation_digest


def test_integers_of_a_keras_optimizer_are_the_floats_they_equal(configure):
    rate = "training.optimizer.learning_rate"
    assert configure(f"{rate}=1").digest == configure(f"{rate}=1.0").digest
    schedule = "keras.optimizers.schedules.PiecewiseConstantDecay"
    named = [
        configure(f"{rate}={{_target_:{schedule},boundaries:[4],values:[{first},0.5]}}")
        for first in ("1", "1.0", "0.9")
    ]
    assert named[0].digest == named[1].digest != named[2].digest


def test_the_order_of_pre_aggregators_counts(configure):
    many = ("num_clients=20", "num_byzantine=2", "strategy=median")
    one, other = (
        configure(*many, f"preaggregator=[{names}]")
        for names in ("clipping,nnm", "nnm,clipping")
    )
    assert one.digest != other.digest


def test_a_rule_within_a_rule_counts_by_its_version_and_its_arguments(configure):
    within = "strategy.rule.rule.f"
    own = "strategy.rule.rule._target_=strategies.rules."
    plain = configure("strategy=flanders")
    assert plain.science["strategy"]["rule"]["rule"] == {"_target_": "Mean"}
    median = configure("strategy=flanders", f"{own}GeometricMedian")
    assert median.science["strategy"]["rule"]["rule"] == {
        "_target_": "GeometricMedian", "_version_": 2
    }  # fmt: skip
    trimmed = [
        configure("strategy=flanders", f"{own}TrimmedMean", f"+{within}={f}")
        for f in (1, 2)
    ]
    assert len({c.digest for c in (plain, median, *trimmed)}) == 4


def test_the_evaluation_is_named_by_its_attacks_their_versions_and_checks(configure):
    noise = ("attack=random_noise", "attack.epsilon=0.2")
    assert differences(configure(*noise).attack.methods) == {
        "random_noise": {"_target_": "RandomNoise", "restarts": 10, "_version_": 2}
    }
    named = {
        configure(*noise, *more).evaluation_digest
        for more in ((), ("checks=full",), ("checks=none",), ("attack.samples=9",))
    }
    assert len(named) == 4
    listed = configure("attack=random_noise", "attack.epsilon=[0.2,1/5]")
    assert listed.evaluation_digest == configure(*noise).evaluation_digest
    # Without an attack there is nothing that checks could be about.
    assert configure("checks=full").evaluation_digest == configure().evaluation_digest


def test_a_raised_version_of_one_digest_leaves_the_other(configure, monkeypatch):
    many = ("attack=pgd", "attack.epsilon=0.1")

    def both() -> tuple[str, str]:
        config = dataclasses.replace(configure(*many))
        return config.digest, config.evaluation_digest

    training, evaluation = both()
    monkeypatch.setattr("fedrobust.config.digests.EVALUATION_VERSION", 5)
    later = both()
    assert later[0] == training
    assert later[1] != evaluation
    monkeypatch.setattr("fedrobust.config.digests.TRAINING_VERSION", 5)
    assert both()[0] != training
    assert both()[1] == later[1]


def test_the_order_of_byzantine_clients_names_no_other_experiment(configure):
    one, other, third = (
        configure("num_byzantine=2", f"byzantine_clients={clients}")
        for clients in ("[1,7]", "[7,1]", "[7,2]")
    )
    assert one.digest == other.digest != third.digest
    assert other.drawn_byzantine() == [1, 7]


def test_which_rounds_are_evaluated_is_in_neither_digest(configure):
    often, seldom = configure(), configure("evaluation.every=5")
    assert often.digest == seldom.digest
    assert often.evaluation_digest == seldom.evaluation_digest


def test_a_users_own_class_keeps_all_that_is_written(configure):
    own = configure("model._target_=tests.own_model.build").science["model"]
    assert own["_target_"] == "tests.own_model.build"
    assert own["norm"] == "none"  # which is a default of MLP's
    assert len(own["_code_"]) == 64


def test_a_group_of_nothing_but_defaults_is_left_out(configure):
    science = configure().science
    assert "screening" not in science
    changed = configure("screening.max_examples=5").science
    assert changed["screening"] == {"max_examples": 5}
    wider = dataclasses.make_dataclass(
        "Wider",
        [("new", bool, False)],
        bases=(Config,),
        frozen=True,
        kw_only=True,
    )
    config = configure()
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(Config)}
    assert name_of(wider(**values)) == name_of(config)


def test_what_a_configuration_lacks_has_the_default_of_its_class():
    filled = with_defaults(
        {"seed": 3, "training": {"momentum": 0.5}, "strategy": {"rule": {"f": 1}}},
        Config,
    )
    assert filled["byzantine_redraw"] is False
    assert filled["training"]["momentum"] == 0.5
    assert filled["training"]["batch_size"] == 32
    assert filled["strategy"] == {"rule": {"f": 1}, "f": 0, "root_examples": 0}
    node = {"_target_": "strategies.rules.GeometricMedian", "nu": 0.1}
    assert with_defaults(node) == {**node, "iterations": None, "init": "median"}
    assert with_defaults({"_target_": "mine.Rule", "nu": 1}) == {
        "_target_": "mine.Rule", "nu": 1
    }  # fmt: skip


def test_defaults_are_written_as_a_configuration_writes_them():
    found = defaults_of(component_class("fedrobust.attacks.PGD"))
    assert found["model_range"] == [0.0, 1.0]
    assert found["epsilon"] == 0.3
    rule = defaults_of(component_class("strategies.rules.FLANDERS"))
    assert "rule" not in rule  # a component, which is always named


def test_the_science_digest_ignores_what_changes_no_bit(configure):
    digest = configure().digest
    for same in (
        "runtime.workers=1",
        "runtime=ray",
        "attack=pgd",
        "training.epsilon=1",
    ):
        assert configure(same).digest == digest
    for same in ("strategy.server_optimizer.learning_rate=1", "dataset.epsilon=0.3"):
        assert configure(same).digest == digest
    pgd = configure("training=pgd", "training.epsilon=0.15").digest
    assert configure("training=pgd", "training.epsilon=15/100").digest == pgd
    others = [
        configure(change).digest
        for change in (
            "seed=1",
            "num_rounds=3",
            "strategy=median",
            "training.batch_size=8",
            "partition=shards",
            "dataset.num_train=50",
            "model.hidden=[8]",
        )
    ]
    assert len({digest, *others}) == 8


def test_the_evaluation_digest_is_of_the_attacks(configure):
    base = configure("attack=pgd", "attack.epsilon=0.2")
    other_seed = configure("attack=pgd", "attack.epsilon=[0.2]", "seed=3")
    assert other_seed.evaluation_digest == base.evaluation_digest
    same = configure("attack=pgd", "attack.epsilon=1/5")
    assert same.evaluation_digest == base.evaluation_digest
    for change in (
        "attack.epsilon=0.1",
        "attack.samples=5",
        "attack.methods.pgd.steps=3",
    ):
        other = configure("attack=pgd", "attack.epsilon=0.2", change)
        assert other.evaluation_digest != base.evaluation_digest
        assert other.digest == base.digest


def test_surrogates_count_by_what_their_files_hold(configure, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outer, inner = Path("outer.keras"), Path("inner.keras")
    outer.write_text("1")
    inner.write_text("1")
    key = "attack.methods.transfer"
    within = (
        "attack=transfer", f"{key}.surrogate={outer}", f"~{key}.attack.steps",
        f"{key}.attack._target_=fedrobust.attacks.Transfer",
        f"+{key}.attack.surrogate={inner}",
    )  # fmt: skip
    seen = {configure(*within).evaluation_digest}
    for path in (outer, inner):
        path.write_text("2")
        seen.add(configure(*within).evaluation_digest)
    assert len(seen) == 3
    inner.unlink()
    with pytest.raises(ConfigError, match=r"transfer\.attack\.surrogate='inner"):
        configure(*within)


def test_an_attack_of_ones_own_may_mean_anything_by_a_surrogate(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "attack_with_surrogate.py").write_text("class Mine: ...")
    own = ("attack=pgd", "attack.methods.pgd._target_=attack_with_surrogate.Mine")
    (tmp_path / "a.keras").touch()
    said = (5, "resnet", f"{tmp_path}/a.keras", "[1,2]")
    seen = {
        configure(*own, f"+attack.methods.pgd.surrogate={value}").evaluation_digest
        for value in said
    }
    assert len(seen) == len(said)


def test_a_data_set_of_ones_own_may_mean_anything_by_its_keys(configure):
    config = configure()
    for name, value in (("epsilon", 0.1), ("download", True), ("mean", None)):
        own = {"_target_": "tests.own_model.build", name: value}
        assert name in replace(config, dataset=own).science["dataset"]
        assert name not in config.science["dataset"]
