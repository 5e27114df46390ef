"""``--dry-run``: what is left, and how long it will take."""

from pathlib import Path

import pytest

from fedrobust.cli import main
from fedrobust.config.jobs import plan_jobs
from tests.fedrobust.record.states import add_round, begin, finish

SWEEP = ["strategy=mean", "num_rounds=10", "hydra.sweep.dir=all"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dry(capsys: pytest.CaptureFixture[str], *overrides: str) -> list[str]:
    assert main(["run", *overrides, "--dry-run"]) == 0
    return capsys.readouterr().out.splitlines()


def write(folder: Path, config, **changes: object) -> None:
    """Write a finished run of two rounds."""
    begin(folder, config_digest=config.digest, digest_version=4)
    add_round(folder, 1, seconds=4.0)
    add_round(folder, 2, seconds=4.0)
    finish(
        folder,
        config.evaluation_digest,
        config_digest=config.digest,
        choices=config.choices,
        **changes,
    )


def test_the_last_line_counts_and_estimates(capsys):
    planned = plan_jobs([*SWEEP, "seed=0,1,2"])
    (path, config), *_ = planned.placed
    write(path, config, wall_seconds=6.0)
    lines = dry(capsys, "-m", *SWEEP, "seed=0,1,2")
    assert lines[0] == f"[1/3] seed=0: {path}  (finished)"
    assert lines[1] == f"[2/3] seed=1: {planned.placed[1][0]}"
    # 3 s a round, so 30 s for each of the two.
    assert lines[-1] == "3 runs: 1 finished, 2 to run, about 1 min"
    assert not list(Path("all").glob("index.csv"))


def test_a_model_is_trained_once_for_all_its_evaluations(capsys):
    jobs = [*SWEEP, "attack=none,fgsm,bim"]
    (path, config), *_ = plan_jobs(jobs).placed
    write(Path("all/other"), config, wall_seconds=2.0)
    # A training of 10 rounds of 1 s, and two evaluations of 4 / 4 s.
    expected = "3 runs: 0 finished, 3 to run, about 12 s"
    assert dry(capsys, "-m", *jobs)[-1] == expected
    write(path, config, wall_seconds=2.0)
    assert dry(capsys, "-m", *jobs)[-1] == "3 runs: 1 finished, 2 to run, about 2 s"


def test_runs_elsewhere_count_where_none_in_the_folder_has_finished(capsys):
    config = plan_jobs([*SWEEP, "training=pgd"]).configs[0]
    write(Path("outputs/one"), config, wall_seconds=4.0)
    write(Path("multirun/a/b"), config, wall_seconds=8.0)
    # 2 s and 4 s a round: 3 s.
    single = dry(capsys, "num_rounds=10")
    assert single[0].startswith("seed=0: outputs/")
    assert single[-1] == "1 run: 0 finished, 1 to run, about 30 s"
    others = ["-m", "num_rounds=10", "model=mlp,cnn"]
    assert dry(capsys, *others)[-1] == (
        "2 runs: 0 finished, 2 to run, about 30 s without 1 like which none has "
        "finished"
    )


def test_without_a_run_like_these_there_is_no_estimate(capsys):
    unknown = "no estimate: no run like these has finished"
    assert dry(capsys)[-1] == f"1 run: 0 finished, 1 to run, {unknown}"


def test_nothing_is_estimated_when_nothing_is_left(capsys):
    (path, config), *_ = plan_jobs([*SWEEP, "seed=0,1"]).placed
    write(path, config)
    others = [*SWEEP, "seed=0"]
    assert dry(capsys, "-m", *others)[-1] == "1 run: 1 finished, 0 to run"
