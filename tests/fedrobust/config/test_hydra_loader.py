"""What is put together of earlier compositions is what Hydra itself composes."""

import pickle
import random
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from fedrobust.config.compose import compose_sweep, config_dir, register_resolvers
from fedrobust.config.hydra_loader import Loader, loader_for


def composed_by_hydra(words: list[str]) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("config", words, return_hydra_config=True)


def content(composed: DictConfig) -> tuple[str, object]:
    """Return all keys in their order, nothing resolved, and the flags of each node."""
    return OmegaConf.to_yaml(composed), flags(composed)


def flags(node) -> object:
    if not OmegaConf.is_dict(node):
        return None
    inner = {str(k): flags(node._get_node(k)) for k in node}
    return dict(node._metadata.flags or {}), inner


@pytest.fixture(autouse=True)
def _resolvers():
    register_resolvers()


@pytest.mark.parametrize(
    "words",
    [
        ["experiment=byzantine"],
        ["experiment=demo"],
        ["experiment=privacy"],
        ["experiment=zizzo2020_fat"],
        ["attack=fgsm,pgd", "strategy=krum,median", "strategy.f=1", "seed=1,2"],
        ["strategy=krum,mean", "strategy/server_optimizer=adam,sgd", "dataset=digits"],
        ["training=pgd,trades", "+training.objective.extra=1", "model=mlp,cnn"],
        ["preaggregator=[nnm,clipping],arc", "byzantine=alie,ipm", "~debug"],
        ["runtime=local,ray", "hydra.job.name=mine", "debug=short"],
    ],
    ids=" ".join,
)
def test_every_sampled_job_is_what_hydra_composes(words):
    jobs = list(compose_sweep(words))
    sampled = random.Random(0).sample(jobs, min(8, len(jobs)))
    for combination, composed in [*sampled, jobs[-1]]:
        assert content(composed) == content(composed_by_hydra(combination))


def test_a_job_that_is_modified_leaves_the_next_ones_alone():
    words = [["strategy=krum", "byzantine=alie"], ["strategy=mean", "byzantine=ipm"]]
    loader = loader_for()
    for pair in (*words, *words):
        composed = load(loader, pair)
        composed.num_rounds = 77
        composed.strategy.rule = {"_target_": "spoilt"}
        composed.byzantine = {}
    third = load(loader, ["strategy=krum", "byzantine=ipm"])
    assert content(third) == content(composed_by_hydra(words[0][:1] + words[1][1:]))


def load(loader: Loader, words: list[str]) -> DictConfig:
    return loader.load_configuration("config", words, RunMode.RUN)


def test_hydra_composes_one_job_for_each_choice_and_not_for_each_pair(monkeypatch):
    whole = []
    original = Loader._load_configuration_impl

    def counted(self, **kwargs):
        whole.append(kwargs["overrides"])
        return original(self, **kwargs)

    monkeypatch.setattr(Loader, "_load_configuration_impl", counted)
    words = ["strategy=krum,mean,median", "byzantine=alie,ipm,zero,gaussian"]
    assert len(list(compose_sweep(words))) == 12
    # One to find what is swept over, 4 with the first strategy, and 2 for the others.
    assert len(whole) == 1 + 4 + 2


def test_a_file_that_decides_by_other_choices_is_composed_by_hydra(tmp_path):
    for name, text in {
        "partition/mine": "defaults:\n  - /more@here: ${training}\n",
        "more/pgd": "a: 1\n",
        "more/trades": "b: 2\n",
    }.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    loader = loader_for(tmp_path)
    for training, more in (("pgd", {"a": 1}), ("trades", {"b": 2})) * 2:
        composed = load(loader, [f"training={training}", "partition=mine"])
        assert composed.partition.here == more


# A launcher's process unpickles the loader before anything of Hydra is set up.
ELSEWHERE = """
import pickle, sys
loader = pickle.loads(sys.stdin.buffer.read())
from hydra import version
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import OmegaConf
setup_globals()
version.setbase("1.3")
print(OmegaConf.to_yaml(loader.load_configuration("config", sys.argv[1:], RunMode.RUN)))
"""


def test_a_launcher_can_send_the_loader_to_another_process(tmp_path):
    (tmp_path / "byzantine").mkdir()
    (tmp_path / "byzantine" / "mine.yaml").write_text("defaults: [alie]\nz: 1.5\n")
    loader = loader_for(tmp_path)
    load(loader, ["strategy=krum", "byzantine=alie"])
    sent = pickle.dumps(loader)
    assert not pickle.loads(sent)._shared, "earlier compositions stay behind"
    words = ["strategy=mean", "byzantine=mine"]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *words], input=sent, capture_output=True
    )
    assert done.stderr.decode() == ""
    there, here = done.stdout.decode().strip(), OmegaConf.to_yaml(load(loader, words))
    assert "z: 1.5" in there
    assert there == here.strip()


def test_only_overrides_add_folders_to_the_search_path():
    """The loader looks for hydra.searchpath among overrides, not in config.yaml."""
    primary = OmegaConf.load(config_dir() / "config.yaml")
    assert OmegaConf.select(primary, "hydra.searchpath") is None
