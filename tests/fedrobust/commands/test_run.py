"""``fedrobust run`` in this process: what is trained anew, and what failed."""

import json
from pathlib import Path

import pytest

from fedrobust.cli import main

TINY = ["num_clients=2", "num_rounds=1", "dataset.num_train=60", "attack.samples=20"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stamps() -> dict[str, int]:
    paths = [*Path().rglob("model.keras"), *Path().rglob("evaluations/*.json")]
    return {str(path): path.stat().st_mtime_ns for path in paths}


def test_fresh_trains_anew_once_whatever_is_evaluated(capsys):
    """Two jobs differ in the evaluation alone, so they have one folder."""
    command = ["run", "-m", *TINY, "attack=fgsm,bim"]
    assert main(command) == 0
    first = stamps()
    assert len(first) == 3
    capsys.readouterr()
    assert main(command) == 0
    assert capsys.readouterr().out.count("(trained before)") == 2
    (model,) = (path for path in first if path.endswith(".keras"))
    assert stamps()[model] == first[model]
    assert main([*command, "--fresh"]) == 0
    fresh = stamps()
    assert fresh.keys() == first.keys()
    assert all(fresh[path] > first[path] for path in first)
    assert capsys.readouterr().out.count("(trained before)") == 1


def test_fresh_leaves_another_experiment_and_other_peoples_files_alone(capsys):
    here = ["hydra.run.dir=here"]
    assert main(["run", *TINY, *here]) == 0
    before = stamps()
    assert main(["run", *TINY, *here, "seed=1", "--fresh"]) == 2
    assert "here holds another experiment" in capsys.readouterr().err
    assert stamps() == before
    (Path("here") / "notes.txt").write_text("mine")
    assert main(["run", *TINY, *here, "--fresh"]) == 0
    assert (Path("here") / "notes.txt").read_text() == "mine"


def test_every_job_that_failed_is_named_and_keeps_its_reason(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    Path("jobs_of_mine.py").write_text(
        "from tests import own_model\n\n\n"
        "def build(size, **others):\n"
        "    if size != 2:\n"
        "        raise ValueError(f'no size {size}')\n"
        "    return own_model.build()\n"
    )
    own = ["model._target_=jobs_of_mine.build", "+model.size=1,2,3"]
    assert main(["run", "-m", *TINY, *own, "hydra.sweep.dir=all"]) == 1
    error = capsys.readouterr().err
    assert "fedrobust: 2 of 3 runs failed\n" in error
    kept = sorted(Path().glob("all/*/error-*.json"))
    assert len(kept) == 2
    for path in kept:
        reason = json.loads(path.read_text())["error"]
        assert "no size" in reason
        name = f"model.size={reason[-1]}"
        assert f"fedrobust: {name} failed: {reason} ({path})\n" in error
    report = Path("all/report.md").read_text()
    assert all(f"- Failed: {path.parent} (" in report for path in kept)
    assert "Traceback" not in error
