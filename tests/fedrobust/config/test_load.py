"""From what Hydra composed to a checked configuration: mistakes cost one sentence."""

import subprocess
import sys

import numpy as np
import pytest

from fedrobust.config import load_config
from fedrobust.config.compose import compose_run, groups
from fedrobust.errors import ConfigError

CHOICES = [
    f"{group}={choice}" for group, choices in groups().items() for choice in choices
]


@pytest.mark.parametrize("override", CHOICES)
def test_every_choice_composes_and_is_valid(override, monkeypatch, tmp_path):
    for name in ("mnist", "fashion_mnist", "cifar10"):
        empty = np.zeros(60_000, np.uint8)
        arrays = {"x_train": empty, "y_train": empty, "x_test": empty, "y_test": empty}
        np.savez(tmp_path / f"{name}.npz", **arrays)
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    more = ["dataset=mnist"] if override.startswith("model=cnn_") else []
    if override.startswith(("byzantine=", "strategy=", "preaggregator=")):
        more = ["num_clients=15", "num_byzantine=3"]
    if override == "attack=transfer":
        (tmp_path / "m.keras").touch()
        more = [f"attack.methods.transfer.surrogate={tmp_path / 'm.keras'}"]
    if override.startswith("preaggregator="):
        more.append("strategy=mean")
    config = load_config(compose_run([override, *more]))
    assert len(config.digest) == 16


# override(s) -> what the message must say
MISTAKES = {
    "strategy=kurm": ["strategy=kurm", "'krum'"],
    "num_round=3": ["num_round", "'num_rounds'"],
    "stratgy=krum": ["stratgy", "'strategy'"],
    "num_rounds=abc": ["num_rounds", "abc", "Integer"],
    "num_rounds=2.5": ["num_rounds", "2.5"],
    "num_rounds=0": ["num_rounds=0", "at least 1"],
    "num_clients=0": ["num_clients=0", "at least 1"],
    "seed=-1": ["seed=-1", "4294967295"],
    "num_byzantine=11": ["num_byzantine=11", "num_clients=10"],
    "participation=0": ["participation", "above 0"],
    "participation=1.5": ["participation", "at most 1"],
    "participation=nan": ["participation", "above 0"],
    "evaluation.every=0": ["evaluation.every=0", "at least 1"],
    "evaluation.evry=1": ["evaluation.evry", "'evaluation.every'"],
    "attack=pgd attack.epsilon=-0.1": ["attack.epsilon=-0.1", "at least 0"],
    "attack=pgd attack.epsilon=x": ["attack.epsilon", "8/255"],
    "attack=pgd attack.epsilon=[]": ["attack.epsilon", "list"],
    "attack=pgd attack.epsilon=[0.1,-1]": ["attack.epsilon=-1", "at least 0"],
    "attack=pgd attack.samples=0": ["attack.samples=0", "at least 1"],
    "attack=pgd attack.methods.pgd.steps=0": ["attack.methods.pgd.steps=0", "least 1"],
    "attack=pgd +attack.methods.pgd.stps=3": ["attack.methods.pgd.stps", "'steps'"],
    "training=pgd training.epsilon=-1": ["training.epsilon=-1", "at least 0"],
    "training=pgd training.objective.steps=many": ["training.objective.steps", "many"],
    "training.batch_size=0": ["training.batch_size=0", "at least 1"],
    "training.local_steps=0": ["training.local_steps=0", "at least 1"],
    "training.momentum=1": ["training.momentum=1.0", "[0, 1)"],
    "training.optimizer.learning_rate=0": ["training.optimizer.learning_rate=0"],
    "training.optimizer.learning_rate=fast": ["training.optimizer.learning_rate=fast"],
    "training.optimizer._target_=keras.optimizers.SDG": ["'SGD'"],
    "training.objective._target_=fedrobust.training.Stndard": ["no such class"],
    "training.objective._target_=strategies.rules.Krum": ["must be a Objective"],
    "strategy=flanders +strategy.rule.rule.weightd=true": [
        "strategy.rule.rule.weightd",
        "'weighted'",
    ],
    "strategy=flanders strategy.rule.window=1": [
        "strategy.rule.window=1",
        "at least 2",
    ],
    "strategy=flanders strategy.rule.rule={_target_:tests.own_model.build} "
    "strategy.rule.window=-5": ["strategy.rule.window=-5", "at least 2"],
    "attack=transfer attack.methods.transfer.attack={_target_:tests.own_model.build} "
    "attack.methods.transfer.surrogate=no.keras": ["surrogate='no.keras'", "path"],
    "strategy=fldetector strategy.rule.rule._target_=strategies.preaggregators.NNM": [
        "strategy.rule.rule._target_",
        "must be a Rule",
    ],
    "strategy=mda num_clients=60 num_byzantine=15": ["MDA(f=15", "max_subsets"],
    "strategy=krum num_clients=15 num_byzantine=3 preaggregator=bucketing": [
        "at least 9",
        "samples 15, of which 8 are left",
    ],
    "preaggregator=bucketing": ["preaggregator=bucketing", "strategy=mean"],
    "strategy=monna strategy.rule.trusted=55": ["strategy.rule.trusted=55", "below"],
    "strategy=flanders strategy.rule.rule._target_=strategies.rules.MoNNA "
    "+strategy.rule.rule.trusted=55": ["strategy.rule.rule.trusted=55", "below"],
    "preaggregator=nnm strategy.f=10": ["preaggregator.nnm", "at least 11 updates"],
    "hydra.job.env_set={A:b}": [
        "hydra.job.env_set: cannot be overridden: Key 'A' is not in struct",
        "add what is new with +hydra.job.env_set={A:b}",
    ],
    "strategy=flanders strategy.rule.rule={new:1}": [
        "strategy.rule.rule: cannot take this value: Key 'new' is not in struct",
        "+strategy.rule.rule.NAME=VALUE",
    ],
    "hydra.job.nmae=x": ["Key 'nmae' not in 'JobConf'", "with +hydra.job.nmae=x"],
    "preaggregator=nmn": ["preaggregator=nmn", "'nnm'"],
    "preaggregator=[clipping,arc] preaggregator.clipping.c=0": [
        "preaggregator.clipping.c=0",
        "above 0",
    ],
    "strategy=fltrust strategy.root_examples=0": [
        "strategy.root_examples=0",
        "root data set",
    ],
    "strategy=krum strategy.rule.variant=flower": ["variant='flower'", "'byzfl'"],
    "byzantine=dba num_byzantine=2": ["byzantine.parts=3", "num_byzantine=2"],
    "byzantine_clients=[1,2] num_byzantine=1": [
        "byzantine_clients=[1, 2]",
        "num_byzantine=1",
    ],
    "byzantine_clients=[10] num_byzantine=1": ["num_clients=10"],
    "byzantine_clients=[1] num_byzantine=1 byzantine_redraw=true": [
        "byzantine_redraw=True",
        "byzantine_clients",
    ],
    "partition=label_sorted partition.blocks=11": ["blocks=11", "num_clients=10"],
    "byzantine_from_round=0": ["byzantine_from_round=0", "at least 1"],
    "strategy/server_optimizer=adam strategy.server_optimizer.tau=0": [
        "strategy.server_optimizer.tau=0",
        "above 0",
    ],
    "strategy=krum num_byzantine=4": [
        "Krum(f=4, variant='paper')",
        "at least 11",
        "samples 10",
    ],
    "strategy=krum num_byzantine=1 participation=0.4": [
        "Krum(f=1, variant='paper')",
        "samples 4",
    ],
    "strategy=trimmed_mean strategy.f=5": ["TrimmedMean(f=5)", "at least 11"],
    "strategy=multi_krum strategy.rule.m=11": ["at least 11"],
    "strategy.f=-1": ["strategy.f=-1", "at least 0"],
    "strategy.server_optimizer.learning_rate=0": ["learning_rate=0.0", "above 0"],
    "byzantine=alie num_byzantine=6": ["ALIE", "n=10", "b=6"],
    "byzantine=gaussian byzantine.mode=both": ["byzantine.mode='both'", "'replace'"],
    "byzantine=sign_flip byzantine.scale=-1": ["byzantine.scale=-1"],
    "partition=dirichlet partition.alpha=0": ["partition.alpha=0.0", "above 0"],
    "partition=pathological num_clients=5": [
        "partition.classes_per_client=2: must be at least 6 with num_clients=5, or "
        "num_clients at least 9, because the 4 of 10 classes [6, 7, 8, 9] would have no"
    ],
    "partition.holdout=1": ["partition.holdout=1.0", "[0, 1)"],
    "runtime.workers=0": ["runtime.workers=0", "at least 1"],
    "runtime=ray runtime.workers=2 runtime.address=auto": [
        "runtime.workers=2: must be null with runtime.address=auto"
    ],
    "runtime=rey": ["runtime=rey", "'ray'"],
    "dataset.num_train=0": ["dataset.num_train=0", "at least 1"],
    "dataset=mnist": ["mnist.npz", "dataset.download=true"],
    "model.hidden=[0]": ["model.hidden=[0]", "at least 1"],
    "model.hidden=64": ["model.hidden=64"],
    "model=resnet dataset=digits model.groups=3": ["model.groups=3", "width=16"],
    "model._target_=nowhere.at.All": ["no module 'nowhere'"],
    "centralised=true num_byzantine=1": ["centralised=True", "num_byzantine=0"],
    "experiment=dmeo": ["experiment=dmeo", "'demo'"],
    "num_rounds": ["num_rounds", "not an override"],
    "strategy=null": ["strategy=null", "cannot be composed"],
    "byzantine=[1]": ["byzantine=[1]", "cannot be composed"],
    "training.objective=null": ["training.objective"],
    "attack=pgd attack.methods.pgd=null": ["attack.methods.pgd"],
    "attack=pgd +attack.methods.pgd.epsilon=1": [
        "attack.epsilon applies to every method"
    ],
    "byzantine=ipm num_byzantine=10": ["needs an honest client", "num_byzantine=10"],
    "byzantine=alie byzantine.z=nan": ["byzantine.z=nan"],
    "model=cnn_mnist": ["model.input_shape=[8, 8, 1]", "16 x 16"],
    "dataset.num_train=5000": ["dataset.num_train=5000", "1437"],
    "num_clients=2000": ["2000 clients", "1437"],
    "partition=dirichlet partition.min_partition_size=500": ["500 images each"],
}


@pytest.mark.parametrize("overrides", MISTAKES)
def test_mistakes_are_told_in_one_sentence(overrides, monkeypatch, tmp_path):
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_config(compose_run(overrides.split()))
    message = str(caught.value)
    assert "\n" not in message
    for word in MISTAKES[overrides]:
        assert word in message


def test_mistakes_cost_neither_tensorflow_nor_flower():
    code = (
        "import sys\n"
        "from fedrobust.cli import main\n"
        "status = main(['run', 'strategy=krum', 'num_byzantine=4'])\n"
        "heavy = [m for m in ('tensorflow', 'flwr', 'ray') if m in sys.modules]\n"
        "print(status, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "2 []"
    assert done.stderr.count("\n") == 1


def test_a_rule_within_a_rule_is_written_out(configure):
    config = configure(
        "strategy=flanders", "num_clients=9", "num_byzantine=2",
        "strategy.rule.rule._target_=strategies.rules.TrimmedMean",
        "+strategy.rule.rule.f=1",
    )  # fmt: skip
    assert config.strategy.rule["rule"] == {
        "_target_": "strategies.rules.TrimmedMean", "f": 1
    }  # fmt: skip
    plain = configure("strategy=flanders", "num_clients=9", "num_byzantine=2")
    assert plain.strategy.rule["rule"] == {
        "_target_": "strategies.rules.Mean", "weighted": False
    }  # fmt: skip
    assert plain.digest != config.digest


def test_a_rule_of_ones_own_within_a_rule_is_left_as_it_is_written(configure):
    own = {"_target_": "tests.own_model.build", "anything": -1}
    config = configure(
        "strategy=flanders", "strategy.rule.window=4",
        "strategy.rule.rule={_target_:tests.own_model.build}",
        "+strategy.rule.rule.anything=-1",
    )  # fmt: skip
    assert config.strategy.rule["window"] == 4
    assert config.strategy.rule["rule"] == own


def test_a_configuration_that_is_checked_again_has_the_digest_of_the_edited_module(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "edited_of_mine.py"
    composed = compose_run(["model._target_=edited_of_mine.build"])
    seen = []
    for text in ("def build(): 1", "def build(): 2", "def build(): 1"):
        module.write_text(text)
        seen.append(load_config(composed).digest)
    assert seen[0] == seen[2] != seen[1]
    module.write_text("def other(): 1")
    with pytest.raises(ConfigError, match="has no 'build'"):
        load_config(composed)
