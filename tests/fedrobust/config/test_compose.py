"""Compose one configuration, or every one of a multirun."""

import re

import pytest

from fedrobust.config import load_config
from fedrobust.config.compose import (
    checked,
    compose_run,
    compose_sweep,
    split_overrides,
    sweep_folder,
)
from fedrobust.errors import ConfigError
from tests.conftest import REPOSITORY


def test_a_sweep_is_every_combination_with_the_experiments_own_axes():
    jobs = compose_sweep(["seed=0,1", "strategy=median,krum", "num_clients=9"])
    assert [" ".join(job) for job, _ in jobs] == [
        "seed=0 strategy=median num_clients=9",
        "seed=0 strategy=krum num_clients=9",
        "seed=1 strategy=median num_clients=9",
        "seed=1 strategy=krum num_clients=9",
    ]
    demo = list(compose_sweep(["experiment=demo", "byzantine=none"]))
    assert len(demo) == 12, "an override wins over the axis of the experiment"


def test_users_add_choices_with_a_folder_of_their_own(tmp_path):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_text(
        "defaults: [median]\nserver_optimizer: {learning_rate: 0.5}\n"
    )
    composed = compose_run(["strategy=mine"], str(tmp_path))
    config = load_config(composed)
    assert config.strategy.server_optimizer["learning_rate"] == 0.5
    assert config.choices["strategy"] == "mine"
    with pytest.raises(ConfigError, match="no such folder"):
        compose_run([], str(tmp_path / "nowhere"))


def test_sweeps_may_glob():
    jobs = list(compose_sweep(["strategy=glob(*krum*)", "num_clients=9"]))
    chosen = [config.hydra.runtime.choices["strategy"] for _, config in jobs]
    assert chosen == ["krum", "multi_krum"]


def test_overrides_in_one_string_may_be_quoted():
    words = split_overrides("seed=1 hydra.run.dir='/a b/c' attack.epsilon=[0.1,0.2]")
    assert words == ["seed=1", "hydra.run.dir='/a b/c'", "attack.epsilon=[0.1,0.2]"]
    assert compose_run(words).hydra.run.dir == "/a b/c"


def test_a_value_that_all_choices_of_a_sweep_have_is_theirs():
    combinations = list(
        compose_sweep(["strategy=krum,multi_krum", "strategy.rule.variant=byzfl"])
    )
    rules = [composed.strategy.rule for _, composed in combinations]
    assert [rule.variant for rule in rules] == ["byzfl", "byzfl"]


def test_one_choice_of_a_sweep_has_a_value_of_its_own(tmp_path):
    how_to = REPOSITORY / "docs" / "how-to" / "one-choice-its-own-parameter.md"
    (example,) = re.findall(
        r"```yaml[^\n]*\n(defaults: \[alie\]\n.*?)```", how_to.read_text(), re.DOTALL
    )
    (tmp_path / "byzantine").mkdir()
    (tmp_path / "byzantine" / "strong_alie.yaml").write_text(example)
    typed = ["byzantine=sign_flip,alie,strong_alie", "num_byzantine=2"]
    configs = [load_config(c) for _, c in compose_sweep(typed, str(tmp_path))]
    assert [config.byzantine.get("z") for config in configs] == [None, None, 1.5]
    assert configs[2].choices["byzantine"] == "strong_alie"
    assert len({config.digest for config in configs}) == 3


def test_a_sweep_that_is_tracked_is_the_same_sweep():
    plain = sweep_folder(["seed=0,1", "strategy=krum"])
    for sink in (["tracking=mlflow", "tracking.timeout=5"], ["+tracking._target_=m.M"]):
        assert sweep_folder(["strategy=krum", *sink, "seed=0,1"]) == plain
    assert sweep_folder(["seed=0,1", "strategy=krum", "tracking_x=1"]) != plain


def test_each_choice_of_a_sweep_may_have_its_own_value_of_another_key():
    jobs = [checked(composed) for _, composed in compose_sweep(["experiment=privacy"])]
    assert len(jobs) == 24
    federations = {(c.choices["privacy"], c.num_clients) for c in jobs}
    assert federations == {("client_dp", 240), ("dp_sgd", 5)}
    assert len({config.digest for config in jobs}) == 24
    word = "num_clients='${for_choice:strategy,{krum:7,median:8}}'"
    assert load_config(compose_run([word, "strategy=median"])).num_clients == 8


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${for_choice:strategy,{krum:7}}", "strategy=fedavg has no value: add one"),
        ("${for_choice:strateg,{krum:7}}", "no group 'strateg', did you mean"),
    ],
)
def test_a_choice_without_a_value_is_refused_with_the_key(value, said):
    with pytest.raises(ConfigError, match=rf"^num_clients cannot be read: .*{said}"):
        load_config(compose_run([f"num_clients='{value}'"]))
