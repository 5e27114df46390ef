"""Everything in conf/ works, and mistakes are told in one sentence."""

import ast
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fedrobust.config import load_config
from fedrobust.config.compose import (
    compose_run,
    compose_sweep,
    config_dir,
    groups,
    split_overrides,
)
from fedrobust.errors import ConfigError
from tests.conftest import REPOSITORY

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
    more = ["dataset=mnist"] if override == "model=cnn_mnist" else []
    if override.startswith(("byzantine=", "strategy=", "preaggregator=")):
        more = ["num_clients=15", "num_byzantine=3"]
    if override == "attack=transfer":
        (tmp_path / "m.keras").touch()
        more = [f"attack.methods.transfer.surrogate={tmp_path / 'm.keras'}"]
    if override.startswith("preaggregator="):
        more.append("strategy=mean")
    config = load_config(compose_run([override, *more]))
    assert len(config.digest) == 16


@pytest.mark.parametrize("path", sorted(config_dir().glob("*/*.yaml")), ids=str)
def test_every_choice_says_what_it_is(path: Path):
    comments = [
        line
        for line in path.read_text().splitlines()
        if line.startswith("# ") and "@package" not in line
    ]
    assert comments, f"{path} needs a first line that says what it is"
    plain = {"none.yaml"}
    if path.parent.name in ("strategy", "byzantine", "preaggregator") and (
        path.name not in plain
    ):
        assert re.search(r"(19|20)\d\d\)", " ".join(comments)), f"{path}: citation"


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
    "attack=pgd +attack.methods.pgd.epsilon=1": ["attack.epsilon is every method's"],
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


def test_an_attack_of_ones_own_is_another_when_it_was_edited(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    own = ("attack=pgd", "attack.methods.pgd._target_=attack_of_mine.Mine")
    module = tmp_path / "attack_of_mine.py"
    seen = []
    for text in ("class Mine: steps = 1", "class Mine: steps = 2"):
        module.write_text(text)
        config = configure(*own)
        seen.append((config.evaluation_digest, config.digest))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] == seen[1][1]


def test_a_model_is_another_when_a_module_that_it_imports_was_edited(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "net_of_mine").mkdir()
    (tmp_path / "net_of_mine/__init__.py").write_text("from .net import build")
    (tmp_path / "net_of_mine/net.py").write_text(
        "import ast, numpy\nfrom width_of_mine import WIDTH\ndef build(): ..."
    )
    seen = []
    for width in (1, 2):
        (tmp_path / "width_of_mine.py").write_text(f"WIDTH = {width}")
        config = configure("model._target_=net_of_mine.build")
        seen.append(config.science["model"]["_code_"])
    assert seen[0] != seen[1]
    (tmp_path / "net_of_mine/net.py").write_text("def build(: ...")
    with pytest.raises(ConfigError, match=r"net\.py cannot be read: invalid syntax"):
        configure("model._target_=net_of_mine.build").science  # noqa: B018


def test_comments_and_layout_make_no_other_experiment(configure, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "layout_of_mine.py"
    own = (
        *("model._target_=layout_of_mine.build", "attack=pgd"),
        "attack.methods.pgd._target_=layout_of_mine.Mine",
    )

    def names(text: str) -> tuple[str, str]:
        module.write_text(text)
        config = configure(*own)
        return config.digest, config.evaluation_digest

    before = names("def build(): return f(1, u'a')\nclass Mine: steps = [1]\n")
    laid_out = (
        "# Mine.\n\ndef build():  # two\n    return f(\n 1, 'a',\n)\n\n"
        "class Mine:\n  steps = [1]"
    )
    assert names(laid_out) == before
    for old, new in (("1, 'a'", "1, 'b'"), ("[1]", "(1,)"), ("[1]", "[1.0]")):
        other = names(laid_out.replace(old, new))
        assert all(a != b for a, b in zip(other, before, strict=True))


def test_a_syntax_tree_has_one_digest_under_every_version_of_python(tmp_path):
    """A literal: of 3.11, which 3.12 and 3.13 must give, too."""
    from fedrobust.config.user_code import _shape

    tree = ast.parse("def f(x, *, y=1):\n    return f'{x:>3}' if y else None")
    text = repr(_shape(tree))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "09f5970b6e306452"


def test_modules_in_other_encodings_and_such_that_are_no_text(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "latin_of_mine.py"
    module.write_bytes("# coding: latin-1\ndef build(): 'é'\n".encode("latin-1"))
    assert configure("model._target_=latin_of_mine.build").digest
    module.write_bytes(b"def build(): '\xe9'\n")
    with pytest.raises(ConfigError, match=r"latin_of_mine\.py cannot be read"):
        configure("model._target_=latin_of_mine.build").digest  # noqa: B018


@pytest.mark.parametrize(
    "given", ["strategy=[median,trimmed_mean]", "dataset=[digits,mnist]"]
)
def test_a_list_of_choices_is_refused_where_it_would_be_the_last(given):
    group = given.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"{group}=\[...\]: .* say -m {group}=a,b"):
        load_config(compose_run([given]))


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


def test_the_strategy_withstands_what_it_or_its_rule_is_told(configure):
    assert configure("strategy=median", "strategy.f=2").f == 2
    krum = configure("strategy=krum", "strategy.rule.f=2", "num_clients=9")
    assert (krum.strategy.f, krum.f) == (0, 2)
    within = (
        "strategy=flanders", "strategy.rule.rule._target_=strategies.rules.TrimmedMean",
        "+strategy.rule.rule.f=3", "num_clients=9",
    )  # fmt: skip
    assert configure(*within).f == configure(*within).strategy.rule["f"] == 0


def test_a_data_set_of_ones_own_may_mean_anything_by_its_keys(configure):
    config = configure()
    for name, value in (("epsilon", 0.1), ("download", True), ("mean", None)):
        own = {"_target_": "tests.own_model.build", name: value}
        assert name in replace(config, dataset=own).science["dataset"]
        assert name not in config.science["dataset"]


def test_warnings_of_what_has_no_effect(configure):
    assert configure().notes == ()
    (warning,) = configure("training.epsilon=0.1").notes
    assert "training.epsilon=0.1 has no effect" in warning
    assert "num_byzantine=0" in configure("byzantine=ipm").notes[0]
    late = configure("byzantine=ipm", "num_byzantine=1", "byzantine_from_round=99")
    assert "byzantine_from_round=99 is after num_rounds" in late.notes[0]
    low = configure("strategy=median", "num_byzantine=2", "strategy.f=1").notes
    assert "strategy.f=1 is below num_byzantine=2" in low[0]


def test_f_follows_num_byzantine_unless_told_otherwise(configure):
    assert configure("strategy=krum", "num_byzantine=2").strategy.rule["f"] == 2
    assert configure("strategy=krum", "strategy.f=1").strategy.rule["f"] == 1


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


def test_what_is_probably_not_meant_is_noted(configure):
    majority = configure("num_clients=15", "num_byzantine=8", "strategy=median")
    assert any("no minority" in note for note in majority.notes)
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
        "strategy.f=10 of 10 clients a round is no minority: only a rule with a root "
        "data set can withstand it",
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


def test_fractions_are_read_wherever_a_number_is_expected(configure):
    config = configure("attack=pgd", "attack.epsilon=8.0/255")
    assert config.attack.epsilons == [8 / 255]
    config = configure("attack=pgd", "attack.methods.pgd.step_size=2/255")
    assert config.attack.methods["pgd"]["step_size"] == 2 / 255
    with pytest.raises(ConfigError, match=r"step_size='2/0'"):
        configure("attack=pgd", "attack.methods.pgd.step_size=2/0")


@pytest.mark.parametrize("value", ["-0.1", "x", "1/0", ".nan", "[0.1,-1]", "true"])
def test_a_wrong_epsilon_is_refused_where_nothing_attacks(value, configure):
    with pytest.raises(ConfigError, match=r"attack\.epsilon=.*at least 0"):
        configure(f"attack.epsilon={value}")


def test_one_worst_case_has_one_norm(configure):
    both = ["attack=[fgsm,pgd]", "attack.epsilon=0.5"]
    with pytest.raises(
        ConfigError, match=r"methods\.fgsm\.norm=l2: must be attack\.norm"
    ):
        configure(*both, "attack.methods.fgsm.norm=l2")
    methods = configure(*both, "attack.norm=l2").attack.methods
    assert {node["norm"] for node in methods.values()} == {"l2"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.lr=1", "'training.optimizer.learning_rate'"),
        ("lr=1", "'training.optimizer.learning_rate'"),
        ("partition.alpha=1", "partition=dirichlet"),
        ("attack.steps=3", "steps"),
        ("strategy=fedprox", "say training=fedprox"),
        ("strategy=fedavgm", "strategy.server_optimizer.momentum"),
        ("strategy=fedadam", "say strategy/server_optimizer=adam"),
        ("strategy=nnm", "say preaggregator=nnm"),
        ("seed=0,1", "add -m to run each of them, or write seed=[0,1]"),
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


def test_a_value_that_all_choices_of_a_sweep_have_is_theirs():
    combinations = list(
        compose_sweep(["strategy=krum,multi_krum", "strategy.rule.variant=byzfl"])
    )
    rules = [composed.strategy.rule for _, composed in combinations]
    assert [rule.variant for rule in rules] == ["byzfl", "byzfl"]


def test_a_value_that_one_choice_of_a_sweep_lacks_names_it():
    with pytest.raises(ConfigError, match=r"byzantine\.z: .*\(in byzantine=sign_flip"):
        list(compose_sweep(["byzantine=alie,sign_flip", "byzantine.z=1.5"]))


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
