"""What users of Hydra are used to works here, and what cannot work says why."""

from pathlib import Path

import pytest

from fedrobust.cli import main

TINY = ["num_clients=2", "num_rounds=1", "dataset.num_train=40"]


def run(*arguments: str) -> int:
    return main(["run", *TINY, *arguments])


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "number",
    ["${hydra.job.num}", "${hydra.job.id}", "a/${hydra:job.num}"],
)
def test_jobs_are_numbered(number):
    sweep = ["-m", "seed=0,1", "hydra.sweep.dir=all", f"hydra.sweep.subdir={number}"]
    assert run(*sweep) == 0
    results = sorted(path.parent.name for path in Path("all").rglob("result.json"))
    assert results == ["0", "1"]
    assert Path("all/report.md").is_file()


def test_a_single_run_has_no_number(capsys):
    assert run("hydra.run.dir=${hydra.job.num}") == 2
    assert "which only jobs of a multirun have (-m)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "flags"),
    [
        ("hydra.run.dir", []),
        ("hydra.sweep.dir", ["-m"]),
        ("hydra.sweep.subdir", ["-m"]),
        ("seed", []),
    ],
)
def test_a_variable_that_is_not_set_is_named(key, flags, capsys):
    assert run(*flags, f"{key}=${{oc.env:NOPE}}") == 2
    said = capsys.readouterr().err
    assert f"{key} cannot be read: Environment variable 'NOPE' not found" in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("without_report")
def test_files_that_hydra_writes_first_are_not_foreign(tmp_path):
    """Its configuration and its log are there before the run looks at its folder."""
    habits = ["hydra.output_subdir=.hydra", "hydra/job_logging=default"]
    assert run(*habits, "hydra.run.dir=one") == 0
    assert Path("one/.hydra/overrides.yaml").is_file()
    assert Path("one/fedrobust.log").is_file()
    assert Path("one/result.json").is_file()
    assert run(*habits, "hydra.run.dir=one") == 0
    assert run("-m", *habits, "seed=0,1", "hydra.sweep.dir=all") == 0
    assert len(list(Path("all").glob("*/result.json"))) == 2


@pytest.mark.parametrize("name", ["notes.txt", "hydra.yaml", "x/notes.txt"])
def test_files_of_others_are_foreign(name, capsys):
    Path("one", name).parent.mkdir(parents=True)
    Path("one", name).touch()
    assert run("hydra.run.dir=one") == 2
    assert "is not empty and holds no run" in capsys.readouterr().err


@pytest.mark.usefixtures("without_report")
def test_the_mode_of_hydra_is_a_multirun():
    assert run("hydra.mode=MULTIRUN", "seed=0,1", "hydra.sweep.dir=all") == 0
    assert len(list(Path("all").glob("*/result.json"))) == 2


@pytest.mark.usefixtures("without_report")
def test_a_dry_run_tells_what_is_left_and_writes_nothing(capsys):
    sweep = ["-m", "seed=0,1", "hydra.sweep.dir=all"]
    assert run(*sweep, "--dry-run") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("[1/2] seed=0: all/")
    nothing_known = "no estimate: no run like these has finished"
    assert out[-1] == f"2 runs: 0 finished, 2 to run, {nothing_known}"
    assert list(Path().iterdir()) == []
    assert run(*sweep) == 0
    assert run("--dry-run", "-m", "seed=0,1,2", "hydra.sweep.dir=all") == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.endswith("(finished)") for line in out[-4:-1]] == [True, True, False]
    assert out[-1].startswith("3 runs: 2 finished, 1 to run, about ")
    assert run("--dry-run", "strategy=krum", "num_byzantine=1") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "strategy=glob(zz*)"], "no combination"),
        (["--resolve"], "add --cfg job"),
        (["--run", "-m", "seed=0,1"], "--run and --multirun"),
        (["--cfg", "job", "--package", "x"], "--package x"),
        (["+hydra.callbacks.mine._target_=nope.X"], "nope.X"),
        (["-m", "seed=0,1", "hydra.sweep.dir=${seed}"], "hydra.sweep.subdir"),
    ],
)
def test_what_hydra_would_answer_with_a_traceback(arguments, words, capsys):
    assert run(*arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
