"""What Hydra refuses, in one sentence with what was meant."""

import pytest

from fedrobust.config import load_config
from fedrobust.config.compose import compose_run, compose_sweep
from fedrobust.errors import ConfigError


@pytest.mark.parametrize(
    "given", ["strategy=[median,trimmed_mean]", "dataset=[digits,mnist]"]
)
def test_a_list_of_choices_is_refused_where_it_would_be_the_last(given):
    group = given.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"{group}=\[...\]: .* use -m {group}=a,b"):
        load_config(compose_run([given]))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.lr=1", "'training.optimizer.learning_rate'"),
        ("lr=1", "'training.optimizer.learning_rate'"),
        ("partition.alpha=1", "partition=dirichlet"),
        ("attack.steps=3", "steps"),
        ("strategy=fedprox", "use training=fedprox"),
        ("strategy=fedavgm", "strategy.server_optimizer.momentum"),
        ("strategy=fedadam", "use strategy/server_optimizer=adam"),
        ("strategy=nnm", "use preaggregator=nnm"),
        ("seed=0,1", "add -m to run each of these, or write seed=[0,1]"),
        ("model._target_=os.system", "Hydra forbids"),
        ("model._target_=Dense", "path of a class"),
        ("hydra/launcher=joblib", "hydra-joblib-launcher"),
        ("hydra/launcher=submitit_slurm", "hydra-submitit-launcher"),
        ("training.optimizer={lr:1}", "+training.optimizer.NAME=VALUE"),
    ],
)
def test_what_was_meant_is_told(override, words, configure):
    with pytest.raises(ConfigError) as refused:
        configure(override)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_keys_of_the_choice_that_was_made_come_first(configure):
    with pytest.raises(
        ConfigError,
        match=r"'attack\.methods\.mim\.steps', of under"
        if 0
        else r"'attack\.methods\.mim\.steps'",
    ):
        configure("attack=mim", "attack.steps=3")


def test_a_value_that_one_choice_of_a_sweep_lacks_names_it():
    with pytest.raises(ConfigError, match=r"byzantine\.z: .*\(in byzantine=sign_flip"):
        list(compose_sweep(["byzantine=alie,sign_flip", "byzantine.z=1.5"]))
