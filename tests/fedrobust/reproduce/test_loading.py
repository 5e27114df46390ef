"""A reproduction is read from its folder, or refused before something is run."""

import shutil
from pathlib import Path

import pytest

from fedrobust.errors import ConfigError
from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.loading import experiments_folder
from tests.conftest import REPOSITORY
from tests.fedrobust.reproduce.toy import command


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("verdict: seeds", "verdict: seed", "did you mean 'seeds'"),
        ("verdict: seeds", "verdict: single", "measures.accuracy.scale=100"),
        (
            "over: last 2",
            "over: last 2\n    verdict: prnited",
            "measures.accuracy.verdict=prnited: must be seeds",
        ),
        (
            "over: last 2",
            "over: last 2\n    verdict: printed",
            "measures.accuracy.scale=100.0: must be 1.0 with verdict=printed",
        ),
        (
            "- rule:",
            "- overrides: [seed=1]\n  rule:",
            "plan: overrides: each block must have",
        ),
        ("  seeds:", "  seed:", "plan: seed: each block must have"),
        ("lower:\n    rule: cm", "lower:\n    rule: avgs", "rule has no value 'avgs'"),
        ("lower:\n    rule: cm", "lower:\n    rules: cm", "has no column 'rules'"),
        ("title:", "unlike:\n- {cells: {rule: x}, why: so}\ntitle:", "no value 'x'"),
        ("title:", "unlike:\n- {cells: {rule: cm}, why: ''}\ntitle:", "why is empty"),
        ("title:", "title: [", "reproduction.yaml cannot be read"),
        ("- rule:\n  - avg", "- rule:\n  - agv", "did you mean 'avg'"),
        ("seeds:\n  - 0", "seeds:\n  - x", "seeds=['x', 1]: must be a list of int"),
        (
            "- rule:\n  - avg\n  - cm\n  seeds:\n  - 0\n  - 1",
            "- 7",
            "plan: 7: must have",
        ),
        (
            "of: clean\n    over: last 2",
            "of: pgd\n    over: final",
            "of='pgd': must be an attack of the runs (they have none)",
        ),
    ],
)
def test_what_no_run_could_be_held_to_is_told_first(
    toy, monkeypatch, capsys, old, new, said
):
    path = toy / "demo" / "reproduction.yaml"
    path.write_text(path.read_text().replace(old, new))
    assert command(toy, monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert not (toy.parent / "runs").exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("demo/published.csv", "avg,", "agv,", "line 2: rule has no value 'agv'"),
        ("demo/published.csv", ",accuracy,", ",acuracy,", "no measure 'acuracy'"),
        ("demo/published.csv", ",50,", ",fifty,", "value is 'fifty': must be"),
        ("demo/published.csv", ",sd,", ",std,", "line 2: lacks sd; correct"),
        ("demo/published.csv", ",50,", ",nan,", "value is 'nan': must be a num"),
        ("demo/published.csv", ",30,3,", ",30,0,", "n is 0: must be an integer"),
        ("demo/published.csv", ",30,3,", ",-30,3,", "sd is -30: must be at least"),
        ("demo/published.csv", ",50,", ",5000,", "value is 5000: must be in [0, 100]"),
        ("demo/published.csv", "nowhere", "", "line 2: must have one value in each"),
        ("demo/published.csv", "nowhere", "x,y", "line 2: must have one value in each"),
        ("demo/published.csv", "avg,accuracy,50,30,3,nowhere\n", "", "has no rows"),
        ("demo/published.csv", None, None, "published.csv cannot be read"),
        ("README.md", "<!-- end -->", "", "has no lines <!-- written by"),
        ("README.md", None, None, "README.md cannot be read"),
        ("other/results.csv", "rule", "rules", "has the columns of another"),
        ("other/results.csv", "rule", "x" * 200_000, "results.csv cannot be read"),
        ("demo/published.csv", "avg,", '"' + 200_000 * "x\n", "csv cannot be read"),
    ],
)
def test_damage_to_other_files_is_told_before_something_is_run(
    toy, monkeypatch, capsys, name, old, new, said
):
    shutil.copytree(toy / "demo", toy / "other")
    names = Results(load_reproduction("other", toy)).names
    (toy / "other" / "results.csv").write_text(",".join(names) + "\n")
    path = toy / name
    if old is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new))
    before = {p: p.read_bytes() for p in toy.rglob("*") if p.is_file()}
    assert command(toy, monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert {p: p.read_bytes() for p in toy.rglob("*") if p.is_file()} == before
    assert not (toy.parent / "runs").exists()


def test_an_installed_package_is_copied_to_where_the_user_stands(tmp_path, monkeypatch):
    from fedrobust.reproduce import loading

    package, here = tmp_path / "fedrobust", tmp_path / "here"
    shutil.copytree(
        experiments_folder() / "chen2022_calfat", package / "experiments" / "calfat"
    )
    (package / "__init__.py").touch()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(loading, "config_dir", lambda: package / "conf")
    assert experiments_folder() == package / "experiments"
    loading.copy_experiments()
    own = Path("reproductions")
    assert experiments_folder() == own
    # Rows are the user's once they are there; the rest is of the installed version.
    (own / "calfat" / "results.csv").write_text("mine")
    (package / "experiments" / "calfat" / "notes.md").write_text("of a newer version")
    loading.copy_experiments()
    assert (own / "calfat" / "results.csv").read_text() == "mine"
    assert (own / "calfat" / "notes.md").read_text() == "of a newer version"
    # What is not a folder cannot be written to, and is one sentence.
    shutil.rmtree(own)
    own.touch()
    with pytest.raises(ConfigError, match="run the command in a folder that you can"):
        loading.copy_experiments()


def test_a_checkout_is_written_to_itself(tmp_path, monkeypatch):
    from fedrobust.reproduce.loading import copy_experiments

    monkeypatch.chdir(tmp_path)
    copy_experiments()
    assert list(tmp_path.iterdir()) == []
    assert experiments_folder() == REPOSITORY / "experiments"
