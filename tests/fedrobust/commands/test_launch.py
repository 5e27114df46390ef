"""What one command does once: composing, checking and constructing."""

import io
import re
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.experimental.callback import Callback

from fedrobust.assembly import Experiment, forget
from fedrobust.attacks import FGSM
from fedrobust.byzantine import SignFlip
from fedrobust.cli import main
from fedrobust.commands import launch
from fedrobust.config import load, load_config
from fedrobust.config.compose import register_resolvers
from fedrobust.models import MLP
from strategies.robust import RobustStrategy
from strategies.rules import Krum

TINY = ["num_clients=5", "num_rounds=1", "dataset.num_train=60", "attack.samples=20"]
KRUM = ["strategy=krum", "num_byzantine=1", "byzantine=sign_flip", "attack=fgsm"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Count what is composed by Hydra, checked, and constructed by class."""
    found: Counter = Counter()

    def count(owner, name, key):
        original = getattr(owner, name)

        def counted(*args, **kwargs):
            found[key] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    count(ConfigLoaderImpl, "_load_configuration_impl", "composed")
    count(load, "_check", "checked")
    for cls in (Krum, SignFlip, MLP):
        count(cls, "__post_init__", cls.__name__)
    return found


def test_one_run_composes_checks_and_constructs_once(counts):
    forget()
    assert main(["run", *TINY, *KRUM]) == 0
    assert counts == {"composed": 1, "checked": 1, "Krum": 1, "SignFlip": 1, "MLP": 1}


def test_a_dry_run_and_a_run_that_is_finished_check_once(counts):
    for again in ([], [], ["--dry-run"]):
        counts.clear()
        assert main(["run", *TINY, *KRUM, *again]) == 0
        assert (counts["composed"], counts["checked"]) == (1, 1)
        assert counts["Krum"] == counts["SignFlip"] == 1


def test_a_multirun_checks_each_job_once_and_constructs_what_jobs_share_once(counts):
    sweep = ["-m", "hydra.sweep.dir=all", "seed=0,1", "strategy=krum,mean"]
    assert main(["run", *TINY, *KRUM[1:], *sweep]) == 0
    assert counts["checked"] == 4
    assert counts["Krum"] == counts["SignFlip"] == counts["MLP"] == 1


def test_the_components_that_were_checked_are_those_that_are_used(
    monkeypatch, configure
):
    config = configure(*TINY, *KRUM)
    experiment = Experiment(config)
    made = [
        experiment.rule, experiment.byzantine_attack, experiment.server_optimizer,
        experiment.runtime, *experiment.attacks.values(),
    ]  # fmt: skip
    again = Experiment(config)
    assert made[0] is again.rule
    assert made[3] is again.runtime
    for cls in (Krum, SignFlip, FGSM):
        monkeypatch.setattr(cls, "__init__", lambda self, **_: pytest.fail("made anew"))
    assert again.rule is made[0]
    assert again.attacks["fgsm"] is made[4]
    assert RobustStrategy(rule=again.rule).rule is made[0]


@pytest.mark.parametrize("is_finished", [False, True])
def test_a_job_in_another_process_checks_for_itself(is_finished, counts, monkeypatch):
    """A launcher's process has composed, and has checked nothing."""
    if is_finished:
        assert main(["run", *TINY, *KRUM, "hydra.run.dir=r"]) == 0
    original = launch.job

    def elsewhere(composed):
        load.forget_checks()
        counts.clear()
        return original(composed)

    monkeypatch.setattr(launch, "job", elsewhere)
    assert main(["run", *TINY, *KRUM, "hydra.run.dir=r"]) == 0
    assert counts["checked"] == 1
    assert Path("r/result.json").is_file()


class OtherSeed(Callback):
    """Changes the configuration after it was checked."""

    def on_run_start(self, config, **_):
        config.seed = 7


def test_what_a_callback_changes_runs_in_the_folder_of_what_it_became(
    monkeypatch, configure
):
    seen = []

    def look(composed):
        settings = HydraConfig.get()
        config = load_config(composed, settings.runtime.choices)
        seen.append((config, Path(settings.runtime.output_dir).name))

    monkeypatch.setattr(launch, "job", look)
    callback = f"+hydra.callbacks.mine._target_={__name__}.OtherSeed"
    assert main(["run", *TINY, callback]) == 0
    ((config, folder),) = seen
    assert config.seed == 7
    assert folder == config.digest == configure(*TINY, "seed=7").digest


def test_what_a_launcher_sends_to_its_processes_can_be_pickled():
    """Joblib's and submitit's launchers pickle the task and Hydra's global state."""
    cloudpickle = pytest.importorskip("cloudpickle")
    register_resolvers()
    task = partial(launch.job, sweep=launch.Sweep(("seed",), 18))
    sent = cloudpickle.dumps((task, Singleton.get_state()))
    received, state = cloudpickle.loads(sent)
    assert received.keywords == task.keywords
    assert received.func is launch.job
    assert state.keys() == Singleton.get_state().keys()


@pytest.mark.usefixtures("without_report")
def test_jobs_know_their_number_and_their_name(monkeypatch):
    seen = []
    original = launch.Progress

    def noted(config, folder, place):
        seen.append(place)
        return original(config, folder, place)

    monkeypatch.setattr(launch, "Progress", noted)
    sweep = ["-m", "hydra.sweep.dir=all", "seed=0,1", "strategy=krum,mean"]
    assert main(["run", *TINY, *KRUM[1:], *sweep]) == 0
    assert [(job.number, job.total, job.name) for job in seen] == [
        (0, 4, "strategy=krum seed=0"),
        (1, 4, "strategy=mean seed=0"),
        (2, 4, "strategy=krum seed=1"),
        (3, 4, "strategy=mean seed=1"),
    ]
    (index,) = Path("all").glob("index.csv")
    assert index.read_text().startswith("folder,strategy,seed,digest,")


class Terminal(io.StringIO):
    """A stream that looks like a terminal."""

    def isatty(self):
        return True


def test_a_sweep_on_a_terminal_draws_a_table_and_prints_results(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    sweep = ["-m", "hydra.sweep.dir=all", "seed=0,1"]
    assert main(["run", *TINY, *sweep]) == 0
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    lines = drawn.splitlines()
    assert "[1/2] seed=0  not started" in lines
    assert any(line.startswith("[2/2] seed=1  finished  clean ") for line in lines)
    assert "2 runs: 2 finished" in lines
    assert max(map(len, lines)) <= 80
    assert "round 1/1" not in drawn, "the table shows the rounds"
    assert terminal.getvalue().endswith("\x1b[2K"), "the table is removed"
    printed = capsys.readouterr().out.splitlines()
    assert [line[:19] for line in printed[:2]] == [
        "[1/2] seed=0: clean",
        "[2/2] seed=1: clean",
    ]
