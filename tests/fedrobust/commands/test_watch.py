"""``fedrobust watch``: the state of runs from their files alone."""

import stat
from pathlib import Path

import pytest

from fedrobust.cli import main
from fedrobust.commands import watch
from fedrobust.config.jobs import plan_jobs
from fedrobust.record.sweep_index import update_index
from fedrobust.signals import Terminated
from tests.fedrobust.record.states import add_round, begin, fail, finish, held


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of five runs: finished, running, stopped, failed, and not started."""
    planned = plan_jobs(["strategy=mean", "num_rounds=10", "seed=0,1,2,3,4"])
    folder = tmp_path / "all"
    update_index(folder, planned)
    done, runs, stopped, broken, _ = (folder / below for below, _ in planned.jobs)
    digest = planned.configs[0].evaluation_digest
    finish(begin(done), digest, clean_accuracy=0.5)
    add_round(begin(runs), 1, clean_accuracy=0.25)
    add_round(runs, 2)
    add_round(begin(stopped), 1)
    fail(broken, "ValueError: no size 3", digest)
    with held(runs):
        yield folder


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert main(["watch", str(folder), *more]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_state_is_told_and_nothing_is_written(sweep, capsys):
    paths = [sweep, *sweep.rglob("*")]
    before = {path: path.stat().st_mtime_ns for path in paths}
    *lines, total, left = printed(sweep, capsys, "--once")
    assert lines == [
        "seed=0  finished      clean 50.0  pgd 25.0",
        "seed=1  round 2/10    clean 25.0",
        "seed=2  stopped 1/10",
        "seed=3  failed        ValueError: no size 3",
        "seed=4  not started",
        "seed=3 failed: ValueError: no size 3",
    ]
    counts = "5 runs: 1 finished, 1 running, 1 stopped, 1 failed, 1 not started"
    # Eight rounds of 1 s, and one run of 8 s.
    assert f"{total.rstrip()} {left}" == f"{counts}; about 16 s left"
    paths = [sweep, *sweep.rglob("*")]
    assert {path: path.stat().st_mtime_ns for path in paths} == before


def test_a_folder_may_be_read_only(sweep, capsys):
    folders = [path for path in [sweep, *sweep.rglob("*")] if path.is_dir()]
    for path in folders:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "1 running" in printed(sweep, capsys)[-2]
    finally:
        for path in folders:
            path.chmod(stat.S_IRWXU)


def test_a_single_run_and_runs_without_an_index_are_named(tmp_path, capsys):
    for seed, strategy in enumerate(["krum", "mean"]):
        run = begin(tmp_path / strategy, seed=seed, choices={"strategy": strategy})
        finish(run, clean_accuracy=0.5)
    assert printed(tmp_path, capsys) == [
        "strategy=krum seed=0  finished  clean 50.0  pgd 25.0",
        "strategy=mean seed=1  finished  clean 50.0  pgd 25.0",
        "2 runs: 2 finished",
    ]
    assert printed(tmp_path / "krum", capsys)[0].startswith("seed=0  finished")


def test_torn_files_and_a_run_that_is_prepared_are_shown(tmp_path, capsys):
    torn = begin(tmp_path / "torn")
    (torn / "config.yaml").write_text("a: [")
    (tmp_path / "index.csv").write_text("torn")
    other = tmp_path / "foreign"
    other.mkdir()
    (other / "config.yaml").write_text("mine: 1")
    with held(tmp_path / "new"):
        lines = printed(tmp_path, capsys)
    assert lines == [
        "new   starting",
        "torn  stopped 0/?",
        "2 runs: 1 running, 1 stopped",
    ]


def test_several_sweeps_are_told_apart(tmp_path, capsys):
    for name in ("a", "b"):
        update_index(tmp_path / name, plan_jobs(["num_rounds=1", "seed=0,1"]))
    assert printed(tmp_path, capsys)[:-1] == [
        "a: seed=0  not started",
        "a: seed=1  not started",
        "b: seed=0  not started",
        "b: seed=1  not started",
    ]


def test_failures_are_told_in_full_but_only_the_first_ones(tmp_path, capsys):
    for number in range(8):
        fail(tmp_path / str(number), f"reason {number} {'word ' * 40}end")
    lines = printed(tmp_path, capsys)
    assert max(map(len, lines)) <= 80
    assert sum(line.endswith("end") for line in lines) == 5
    assert lines[-2] == "3 more failures: each folder has its reason in error-*.json"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "watch needs one folder"),
        (["a", "b"], "watch needs one folder"),
        (["--every"], "watch needs one folder"),
        (["nowhere"], "nowhere: there is no such folder"),
        (["empty"], "no run in empty: must be the folder of a run or of a multirun"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["watch", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_a_terminal_follows_until_all_is_over(sweep, monkeypatch, capsys):
    """The sleeps stand for the two seconds in which runs go on."""
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        digest = next(sweep.glob("*/evaluations/*.json")).stem
        for folder in sweep.glob("*/"):
            if folder.is_dir() and len(looks) == 3:
                finish(folder, digest)
                (folder / f"error-{digest}.json").unlink(missing_ok=True)
        if len(looks) == 3:
            (missing,) = (
                run.path for run in watch.runs_in(sweep) if not run.path.exists()
            )
            finish(begin(missing), digest)

    monkeypatch.setattr(watch.time, "sleep", sleep)
    monkeypatch.setattr(watch, "PAUSE", 1e-9)
    monkeypatch.setattr(watch, "is_interactive", lambda console: True)
    assert printed(sweep, capsys)[-1] == "5 runs: 5 finished"
    assert len(looks) == 3


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, 0), (Terminated, 143)]
)
def test_ctrl_c_is_the_way_to_end_it(error, status, sweep, monkeypatch, capsys):
    def sleep(seconds):
        raise error

    monkeypatch.setattr(watch.time, "sleep", sleep)
    monkeypatch.setattr(watch, "is_interactive", lambda console: True)
    assert main(["watch", str(sweep)]) == status
    assert ("seed=4" in capsys.readouterr().out) == (status == 0)
