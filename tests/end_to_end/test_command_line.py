"""The command line as a user types it.

What needs a process of its own gets one; the rest is typed into this one, which has
imported TensorFlow already.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from fedrobust.assembly import forget
from fedrobust.cli import COMMANDS, main
from tests.conftest import REPOSITORY
from tests.end_to_end.command import SMALL, Typed, fedrobust


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys) -> Callable[..., Typed]:
    """Type a command in an empty folder, into this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*arguments: str) -> Typed:
        status = main(arguments)
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return run


@pytest.fixture
def forget_mine() -> Iterator[Callable[[], None]]:
    """Import the module ``mine`` anew afterwards, as a new process does."""

    def forget_it() -> None:
        sys.modules.pop("mine", None)
        forget()

    yield forget_it
    forget_it()


def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    from fedrobust.commands import list as lists
    from fedrobust.commands import run as runs

    def interrupted(arguments):
        raise KeyboardInterrupt

    for module in (runs, lists):
        monkeypatch.setattr(module, "command", interrupted)
    assert main(["run"]) == main(["list"]) == 130
    of_run, of_list = capsys.readouterr().err.splitlines()
    assert "run the same command again to continue" in of_run
    assert of_list == "fedrobust: interrupted"


def test_run_twice(tmp_path):
    first = fedrobust("run", *SMALL, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stderr.startswith("seed=0: starting\nround 1/2  clean ")
    assert "round 2/2" in first.stderr
    assert first.stdout.startswith("seed=0: clean ")
    (path,) = tmp_path.glob("outputs/*/result.json")
    assert str(path.relative_to(tmp_path)) in first.stdout
    stamp = path.with_name("model.keras").stat().st_mtime_ns
    again = fedrobust("run", *SMALL, cwd=tmp_path)
    assert again.returncode == 0
    assert "round 2/2" not in again.stderr
    assert path.with_name("model.keras").stat().st_mtime_ns == stamp
    assert "TensorFlow" not in first.stderr
    assert "cuda" not in first.stderr.lower()


def test_bits_repeat_across_processes_and_hash_seeds(tmp_path):
    results = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        done = fedrobust(
            "run", *SMALL, "training=pgd", f"hydra.run.dir={folder}",
            cwd=tmp_path, PYTHONHASHSEED=seed,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = [json.loads(r) for r in (folder / "metrics.jsonl").open()]
        results.append([(r["train_metrics"], r["robust_accuracy"]) for r in rows])
    assert results[0] == results[1]


def test_multirun_reports_and_goes_on_where_it_broke_off(typed, tmp_path, monkeypatch):
    sweep = ["run", "-m", *SMALL, "strategy=fedavg,median", "seed=0,1"]
    first = typed(*sweep, "hydra.sweep.dir='my sweep ü'")
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "my sweep ü"
    assert len(list(folder.rglob("result.json"))) == 4
    assert "[4/4] strategy=median seed=1: clean" in first.stdout
    assert "±" in first.stdout
    for name in ("report.html", "report.md", "report.tex", "report.csv"):
        assert (folder / name).is_file()
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".png", ".pdf"}
    models = sorted(folder.rglob("model.keras"))
    models[0].unlink()
    stamps = [p.stat().st_mtime_ns for p in models[1:]]
    # The report of the finished sweep is written once more below.
    monkeypatch.setattr("fedrobust.commands.run.show_report", lambda *_, **__: None)
    again = typed(*sweep, "hydra.sweep.dir='my sweep ü'")
    assert again.returncode == 0, again.stderr
    assert models[0].is_file()
    assert [p.stat().st_mtime_ns for p in models[1:]] == stamps
    report = typed("report", str(folder))
    assert report.returncode == 0
    assert "median" in report.stdout


BAD = {
    "unknown strategy": (["run", "strategy=kurm"], ["strategy=kurm", "'krum'"]),
    "negative epsilon": (
        ["run", "attack=pgd", "attack.epsilon=-0.1"],
        ["attack.epsilon=-0.1", "at least 0"],
    ),
    "krum with too few clients": (
        ["run", "strategy=krum", "num_byzantine=2", "num_clients=6"],
        ["Krum(f=2,", "at least 7", "samples 6"],
    ),
    "missing data set": (["run", "dataset=cifar10"], ["cifar10", "dataset.download"]),
    "unwritable folder": (
        ["run", "hydra.run.dir=a_file/run"],
        ["a_file/run", "cannot be written"],
    ),
    "run.dir with -m": (
        ["run", "-m", "seed=0,1", "hydra.run.dir=x"],
        ["hydra.run.dir", "hydra.sweep.dir"],
    ),
    "one bad combination of many": (
        ["run", "-m", "num_clients=9,5", "strategy=krum", "num_byzantine=3"],
        ["Krum(f=3,", "samples 5", "num_clients=5"],
    ),
    "unknown flag": (["run", "--fast"], ["--fast"]),
    "unknown command": (["rnu"], ["rnu", "'run'"]),
    "unknown group": (["list", "stratgy"], ["stratgy", "'strategy'"]),
    "report of nothing": (["report", "nowhere"], ["nowhere"]),
    "report of an empty folder": (["report", "."], ["no finished run"]),
    "null for a group": (["run", "strategy=null"], ["strategy=null"]),
    "null for a group in a sweep": (["run", "-m", "strategy=null,krum"], ["null"]),
    "a wrong choice to show": (["run", "--cfg", "job", "strategy=kurm"], ["'krum'"]),
    "one configuration of many": (["run", "-m", "--cfg", "job", "seed=0,1"], ["-m"]),
    "another config name": (["run", "--config-name", "x"], ["--config-dir"]),
    "no place on this disk": (["run", "hydra.run.dir=/proc/no/x"], ["cannot be writ"]),
    "a sweep into one folder": (
        ["run", "-m", "seed=0,1", "hydra.sweep.subdir=x"],
        ["hydra.sweep.subdir=x"],
    ),
    "no config folder": (["run", "--config-dir", "nowhere"], ["nowhere"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_status_2(name, typed, tmp_path, monkeypatch):
    arguments, words = BAD[name]
    (tmp_path / "a_file").touch()
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path / "no"))
    done = typed(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a_file"], "nothing was made"


def test_a_mistake_ends_a_process_with_status_2_before_tensorflow_is_there(tmp_path):
    code = (
        "import sys, fedrobust.cli; status = fedrobust.cli.main();"
        "print('tensorflow' in sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *BAD["krum with too few clients"][0]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert done.stderr.count("\n") == 1


def test_a_sweep_over_attacks_trains_once_and_keeps_every_result(typed, tmp_path):
    done = typed("run", "-m", *SMALL[:3], "attack=fgsm,pgd", "hydra.sweep.dir=all")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("all/*/model.keras"))) == 1
    assert len(list(tmp_path.glob("all/*/evaluations/*.json"))) == 2
    assert "fgsm" in (tmp_path / "all" / "report.md").read_text()


def test_a_folder_of_another_run_is_refused(typed):
    typed("run", *SMALL, "hydra.run.dir=here")
    done = typed("run", *SMALL, "seed=1", "hydra.run.dir=here")
    assert done.returncode == 2
    assert "here holds another experiment" in done.stderr


def test_folders_with_our_names_hide_nothing(tmp_path):
    for name in ("fedrobust", "strategies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "statistics.py").touch()
    (tmp_path / "mine.py").write_text("import keras\nmodel = keras.Sequential\n")
    # As the installed script does, whose folder is not the current one.
    script = "import sys, fedrobust.cli; sys.exit(fedrobust.cli.main())"

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
        )

    done = run("-P", "-c", script, "run", "--cfg", "job", "model._target_=mine.model")
    assert done.returncode == 0, done.stderr
    assert "_target_: mine.model" in done.stdout
    hidden = run("-P", "-c", script, "run", "model._target_=statistics.Net")
    assert hidden.returncode == 2
    assert f"{tmp_path / 'statistics.py'}, which needs another name" in hidden.stderr
    # Python itself looks for a module that it is told to run in the current folder.
    beside = run("-m", "fedrobust", "list")
    assert beside.returncode == 1
    assert beside.stderr.count("\n") == 1
    assert "No module named fedrobust.__main__" in beside.stderr
    shutil.rmtree(tmp_path / "fedrobust")
    assert run("-m", "fedrobust", "list").returncode == 0


def test_a_folder_that_was_deleted_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert main(["list"]) == 2
    assert "the current folder no longer exists" in capsys.readouterr().err


def test_list_and_help(typed):
    assert "strategy" in typed("list").stdout
    listed = typed("list", "strategy", "training").stdout
    assert "Blanchard et al. 2017" in listed
    assert "Madry et al. 2018" in listed
    assert "usage: fedrobust" in typed("--help").stdout
    assert "hydra.sweep.dir" in typed("run", "--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: fedrobust {command}")


def test_show_the_configuration(typed, tmp_path):
    done = typed("run", "strategy=krum", "--cfg", "job")
    assert done.returncode == 0
    assert "_target_: strategies.rules.Krum" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_report")
def test_models_optimizers_and_objectives_of_ones_own(typed, forget_mine, tmp_path):
    (tmp_path / "mine.py").write_text(
        """
import keras
import tensorflow as tf


def model(units):
    return keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Flatten(),
        keras.layers.Dense(units, activation="tanh"), keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ])


class Brightened:
    def perturb(self, model, x, y, seed):
        return tf.minimum(x + 0.1, 1.0)

    def loss(self, model, x, x_adv, y):
        logits = model(x_adv, training=True)
        return keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
"""
    )
    folder = tmp_path / "conf" / "model"
    folder.mkdir(parents=True)
    (folder / "tanh.yaml").write_text("# Mine.\n_target_: mine.model\nunits: 12\n")
    done = fedrobust(
        "run", *SMALL, "--config-dir", str(tmp_path / "conf"), "model=tanh",
        "training.optimizer._target_=keras.optimizers.Adam",
        "training.objective._target_=mine.Brightened",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "model=tanh seed=0: clean" in done.stdout
    own = [
        "run", *SMALL, "training.objective._target_=mine.Brightened",
        "hydra.sweep.dir=own", "-m",
    ]  # fmt: skip
    typed(*own)
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace("x + 0.1", "x + 0.9"))
    forget_mine()
    typed(*own)
    assert len(list(tmp_path.glob("own/*/result.json"))) == 2, "edited is another run"
    late = typed(
        "run", *SMALL, "--config-dir", str(tmp_path / "conf"), "model=tanh",
        "+model.size=3",
    )  # fmt: skip
    assert late.returncode == 2
    # A process that has just printed a line leaves out the one that a run starts.
    *starting, said = late.stderr.splitlines()
    assert [line.endswith(" seed=0: starting") for line in starting] in ([], [True])
    assert "model: cannot make mine.model" in said
    assert "size" in said
    wrong = typed("run", "model._target_=mine.modle")
    assert wrong.returncode == 2
    assert "mine has no 'modle', did you mean 'model'" in wrong.stderr


@pytest.mark.usefixtures("forget_mine")
def test_a_job_that_cannot_be_made_leaves_the_others_their_results(typed, tmp_path):
    (tmp_path / "mine.py").write_text(
        """
import keras


def optimizer(learning_rate, kind):
    return {"good": keras.optimizers.SGD}[kind](learning_rate)
"""
    )
    sweep = [
        "run", "-m", *SMALL, "hydra.sweep.dir=all",
        "training.optimizer._target_=mine.optimizer",
    ]  # fmt: skip
    done = typed(*sweep, "+training.optimizer.kind=bad,good")
    assert done.returncode == 1
    assert "training.optimizer: cannot make mine.optimizer" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("all/*/result.json"))) == 1
    assert "checks" in done.stdout, "the report of what finished"
    # Where all fail, what an earlier sweep left in the folder is not theirs to report.
    again = typed(*sweep, "+training.optimizer.kind=bad,worse")
    assert again.returncode == 1
    assert "no finished run" not in again.stderr
