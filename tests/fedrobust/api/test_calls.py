"""``run``, ``sweep`` and ``load`` do what the commands do, as a guest in a process."""

import _thread
import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.version import VersionBase

import fedrobust
from fedrobust.cli import main
from tests.conftest import REPOSITORY
from tests.fedrobust.api.conftest import TINY
from tests.fedrobust.runs import assert_same_bits

MODEL = """
import sys

from tests import own_model


def build(size, **others):
    if size == 0:
        raise ValueError("no size 0")
    if size < 0:
        sys.exit("no more")
    return own_model.build()
"""


@pytest.fixture
def own_model(tmp_path: Path) -> str:
    """Write a module into the current folder; return the override that names it."""
    name = f"model_of_{tmp_path.name}"
    Path(f"{name}.py").write_text(MODEL)
    return f"model._target_={name}.build"


def test_a_run_has_the_folder_and_the_bits_of_the_command():
    rounds = []
    found = fedrobust.run(*TINY, "attack=fgsm", progress=rounds.append)
    assert [row.round for row in rounds] == [1, 2]
    assert main(["run", *TINY, "attack=fgsm", "hydra.run.dir=typed"]) == 0
    assert_same_bits(found.folder, Path("typed"))
    assert found.folder == Path("outputs").absolute() / found.result.config_digest
    stored = json.loads((found.folder / "result.json").read_text())
    assert stored["clean_accuracy"] == found.clean_accuracy
    assert stored["robust_accuracy"] == found.robust_accuracy


def test_a_finished_run_returns_at_once_and_fresh_trains_it_again():
    first = fedrobust.run(*TINY, folder="mine", progress=False)
    assert first.folder == Path("mine").absolute()
    rounds = []
    again = fedrobust.run(*TINY, folder=Path("mine"), progress=rounds.append)
    assert rounds == []
    assert again.result == first.result
    fedrobust.run(*TINY, folder="mine", fresh=True, progress=rounds.append)
    assert len(rounds) == 2


def test_the_command_continues_what_python_began(capsys):
    found = fedrobust.sweep(*TINY, "seed=0,1", progress=False)
    assert capsys.readouterr() == ("", "")
    rows = [*csv.DictReader((found.folder / "index.csv").open())]
    assert [row["folder"] for row in rows] == [run.folder.name for run in found]
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert main(["run", "-m", *TINY, "seed=0,1"]) == 0
    assert capsys.readouterr().out.count("(trained before)") == 2
    assert [run.folder.parent.parent for run in found] == [
        Path("multirun").absolute()
    ] * 2
    assert len(list(Path("multirun").iterdir())) == 1


@pytest.mark.parametrize(
    ("overrides", "options", "sentence"),
    [
        (["strategy=kurm"], {}, "strategy=kurm: .* did you mean 'krum'?"),
        (["seed=0,1"], {}, "seed=0,1: must be one value: use fedrobust.sweep"),
        (["strategy=glob(*)"], {}, "must be one value: use fedrobust.sweep"),
        (["hydra.mode=MULTIRUN"], {}, "use fedrobust.sweep"),
        (["--fresh"], {}, "--fresh: not an override"),
        ([{"seed": 3}], {}, "must be an override as text"),
        (["hydra.job.chdir=true"], {}, "hydra.job.chdir=True: works only on the comm"),
        (["+hydra.callbacks.a=1"], {}, "hydra.callbacks=.*: works only on the command"),
        (["+hydra.job.env_set.A=b"], {}, "hydra.job.env_set=.*: works only on the"),
        (["hydra.run.dir=a"], {"folder": "b"}, "folder='b' and hydra.run.dir: leave"),
        ([], {"folder": "taken"}, "taken is not empty .* choose another folder"),
        ([], {"config_dir": "none"}, "config_dir='none': there is no such folder"),
        (["strategy=krum", "num_byzantine=4"], {}, "must be given at least 11 clients"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_leaves_no_folder(overrides, options, sentence):
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("mine")
    with pytest.raises(fedrobust.ConfigError, match=sentence) as caught:
        fedrobust.run(*overrides, **options)
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path().iterdir()] == ["taken"]


def test_a_mistake_in_any_combination_is_refused_before_the_first_run():
    for overrides, sentence in {
        ("strategy=fedavg,kurm",): "strategy=kurm",
        ("hydra.run.dir=here",): "use hydra.sweep.dir",
        ("strategy=glob(nothing*)",): "there is no combination",
    }.items():
        with pytest.raises(fedrobust.ConfigError, match=sentence):
            fedrobust.sweep(*TINY, *overrides)
    with pytest.raises(
        fedrobust.ConfigError, match=r"folder='a' and hydra\.sweep\.dir"
    ):
        fedrobust.sweep(*TINY, "hydra.sweep.dir=b", folder="a")
    assert list(Path().iterdir()) == []


def test_code_of_the_user_that_exits_is_refused_and_python_goes_on(own_model):
    with pytest.raises(fedrobust.ConfigError, match=r"your code called sys\.exit"):
        fedrobust.run(*TINY, own_model, "+model.size=-1", progress=False)
    assert fedrobust.run(*TINY, own_model, "+model.size=1", progress=False).result


def test_a_choice_of_ones_own_is_found_in_its_folder():
    Path("mine/strategy").mkdir(parents=True)
    Path("mine/strategy/plain.yaml").write_text(
        "rule:\n  _target_: strategies.rules.Mean\n"
    )
    found = fedrobust.run(*TINY, "strategy=plain", config_dir="mine", progress=False)
    assert found.config["choices"]["strategy"] == "plain"


def state() -> list[object]:
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    singletons = [HydraConfig.instance().cfg, VersionBase.instance().version_base]
    streams = [sys.stdout, sys.stderr, sys.excepthook]
    return [
        *([*sys.argv], [*sys.path], Path.cwd(), handlers, singletons, streams),
        *(GlobalHydra.instance().is_initialized(), os.environ.get("HYDRA_FULL_ERROR")),
        [*warnings.filters],
    ]


def test_a_call_leaves_the_process_as_it_found_it(own_model):
    fedrobust.run(*TINY, progress=False)  # starts TensorFlow
    before = state()
    fedrobust.run(*TINY, own_model, "+model.size=1", folder="own", progress=False)
    fedrobust.sweep(*TINY, "seed=0,1", progress=False)
    with pytest.raises(fedrobust.ConfigError):
        fedrobust.run("strategy=kurm")
    assert state() == before


def test_a_program_that_uses_hydra_itself_keeps_its_configuration(tmp_path):
    Path("config.yaml").write_text("mine: 1\n")
    with hydra.initialize_config_dir(str(tmp_path), version_base="1.2"):
        before = state()
        fedrobust.run(*TINY, progress=False)
        assert state() == before
        assert hydra.compose("config").mine == 1


def test_calls_of_several_threads_take_turns_and_keep_their_bits():
    def one(seed: int) -> Path:
        return fedrobust.run(*TINY, f"seed={seed}", folder=f"t{seed}").folder

    with ThreadPoolExecutor(2) as threads:
        folders = [*threads.map(one, (0, 1))]
    for seed, folder in enumerate(folders):
        alone = fedrobust.run(*TINY, f"seed={seed}", folder=f"a{seed}", progress=False)
        assert_same_bits(folder, alone.folder)


def test_a_run_starts_while_an_event_loop_is_running():
    async def cell() -> fedrobust.Run:
        return fedrobust.run(*TINY, progress=False)

    assert asyncio.run(cell()).result.num_rounds == 2


@pytest.fixture
def _ctrl_c_interrupts() -> Iterator[None]:
    """Let Ctrl-C interrupt, which jobs in the background of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_interrupts")
def test_an_interrupt_passes_through_and_the_run_can_be_finished():
    def interrupt(row: object) -> None:
        _thread.interrupt_main()

    for call in (fedrobust.run, fedrobust.sweep):
        with pytest.raises(KeyboardInterrupt):
            call(*TINY, "seed=4", folder=call.__name__, progress=interrupt)
    (sweep,) = fedrobust.sweep(*TINY, "seed=4", folder="sweep", progress=False)
    run = fedrobust.run(*TINY, "seed=4", folder="run", progress=False)
    assert_same_bits(sweep.folder, run.folder)


def test_runs_that_fail_are_named_and_the_others_are_returned(own_model):
    overrides = [*TINY, own_model, "+model.size=0,1,-1"]
    with pytest.warns(UserWarning, match="2 of 3 runs failed, see failed: .*no size 0"):
        found = fedrobust.sweep(*overrides, folder="all", progress=False)
    (done,) = found
    assert done.config["model"]["size"] == 1
    first, second = found.failed
    assert "no size 0" in first.reason
    assert "your code called sys.exit('no more')" in second.reason
    with pytest.raises(fedrobust.RunFailedError, match="2 of 3 runs") as caught:
        found.raise_failed()
    assert caught.value.__cause__ is first.error
    with pytest.warns(UserWarning, match="2 of 3 runs failed"):
        loaded = fedrobust.load("all")
    assert [run.folder for run in loaded] == [done.folder]
    reasons = {run.folder: run.reason for run in found.failed}
    assert {run.folder: run.reason for run in loaded.failed} == reasons
    assert repr(loaded) == f"<Sweep: 1 finished, 2 failed; {Path('all').absolute()}>"


def test_jobs_that_differ_in_the_attack_alone_are_trained_once():
    rounds = []
    first, second = fedrobust.sweep(*TINY, "attack=fgsm,bim", progress=rounds.append)
    assert first.folder == second.folder
    assert [*first.robust_accuracy, *second.robust_accuracy] == ["fgsm", "bim"]
    assert len(rounds) == 2


def test_a_folder_of_runs_is_loaded_as_it_was_returned(finished):
    loaded = fedrobust.load(finished.folder)
    assert {run.folder: run.result for run in loaded} == {
        run.folder: run.result for run in finished
    }
    (one,) = fedrobust.load(finished[0].folder)
    assert one == finished[0]
    for folder in ("nowhere", "."):
        with pytest.raises(fedrobust.ConfigError):
            fedrobust.load(folder)


def test_what_must_be_known_is_a_warning_at_the_line_of_the_call():
    overrides = [*TINY, "byzantine=sign_flip"]
    with pytest.warns(UserWarning, match="byzantine has no effect") as caught:
        fedrobust.run(*overrides, progress=False)
    assert {warning.filename for warning in caught} == {__file__}
    assert len({str(warning.message) for warning in caught}) == len(caught)


def test_importing_costs_nothing_and_mistakes_need_no_tensorflow(tmp_path):
    program = """
import sys
import fedrobust
heavy = {"numpy", "hydra", "pandas", "tensorflow", "keras", "flwr", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert {"run", "sweep", "load", "Run"} <= set(dir(fedrobust))
try:
    fedrobust.run("strategy=kurm")
except fedrobust.ConfigError as error:
    print(error)
assert not {"tensorflow", "keras", "flwr", "pandas", "matplotlib"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-O", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert "did you mean 'krum'" in done.stdout


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'runs'"):
        _ = fedrobust.runs
