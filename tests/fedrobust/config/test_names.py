"""What runs are called: by what varies in a sweep, or by what is unusual."""

import pytest

from fedrobust.config.conf_folder import default_choices
from fedrobust.config.jobs import plan_jobs
from fedrobust.config.names import name_of, unusual_choices, value_of, varying_keys

CONFIG = {
    "seed": 3,
    "attack": {"epsilon": ["8/255", 0.1], "samples": None},
    "centralised": True,
    "model": {"title": "a b"},
    "choices": {"strategy": "krum", "strategy/server_optimizer": "adam"},
}


def test_keys_that_vary_come_in_the_order_of_the_command_and_the_seed_last():
    jobs = [
        ["seed=0", "strategy=krum", "num_rounds=3", "+model.x=1"],
        ["seed=1", "strategy=krum", "num_rounds=3", "+model.x=2"],
        ["seed=1", "strategy=mean", "num_rounds=3", "+model.x=1"],
    ]
    assert varying_keys(jobs) == ["strategy", "model.x", "seed"]
    assert varying_keys(jobs[:1]) == []
    assert varying_keys([]) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "3"),
        ("attack.epsilon", '["8/255", 0.1]'),
        ("attack.samples", "null"),
        ("centralised", "true"),
        ("model.title", "a b"),
        ("strategy", "krum"),
        ("strategy/server_optimizer", "adam"),
        ("model.nothing", None),
        ("seed.nothing", None),
    ],
)
def test_a_value_is_written_as_in_the_configuration(key, value):
    assert value_of(CONFIG, key) == value


def test_jobs_are_called_by_choices_values_and_keys_of_hydra():
    planned = plan_jobs(
        ["attack=fgsm,none", "attack.epsilon=0.1", "num_rounds=1", "seed=1,2"]
    )
    assert planned.names == [
        "attack=fgsm seed=1",
        "attack=fgsm seed=2",
        "attack=none seed=1",
        "attack=none seed=2",
    ]
    other = plan_jobs(["preaggregator=[nnm],none", "hydra.job.id=a,b"])
    assert other.keys == ["preaggregator", "hydra.job.id"]
    assert other.names[1:3] == [
        "preaggregator=nnm hydra.job.id=b",
        "preaggregator=none hydra.job.id=a",
    ]


def test_a_sweep_of_one_job_is_called_as_a_single_run():
    assert plan_jobs(["strategy=median"]).names == ["strategy=median seed=0"]


def test_a_single_run_is_called_by_the_choices_that_are_not_the_default(configure):
    assert default_choices()["strategy"] == "fedavg"
    assert unusual_choices(configure()) == {"seed": "0"}
    config = configure("seed=4", "num_byzantine=2", "strategy=krum", "byzantine=alie")
    assert unusual_choices(config) == {
        "byzantine": "alie",
        "strategy": "krum",
        "seed": "4",
    }
    assert name_of(unusual_choices(config)) == "byzantine=alie strategy=krum seed=4"
