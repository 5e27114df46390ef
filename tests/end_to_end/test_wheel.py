"""What a wheel holds, and, under `make wheel`, that it works where nothing else is."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# The scripts of a clean environment with the wheel, made by `make wheel`.
SCRIPTS = os.environ.get("FEDROBUST_WHEEL")
REPRODUCTION = "gabrielli2023_flanders"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that the sdist builds."""
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("dist")
    (sdist,) = SdistBuilder(str(REPOSITORY)).build(directory=str(folder))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = Path(sdist.removesuffix(".tar.gz"))
    (path,) = WheelBuilder(str(source)).build(
        directory=str(folder), versions=["standard"]
    )
    return zipfile.ZipFile(path)


def test_a_wheel_holds_the_configuration_and_the_published_tables(wheel):
    names = set(wheel.namelist())
    conf = {
        f"fedrobust/{path.relative_to(REPOSITORY).as_posix()}"
        for path in (REPOSITORY / "conf").rglob("*.yaml")
    }
    assert conf <= names
    folders = [p.parent.name for p in REPOSITORY.glob("experiments/*/published.csv")]
    needed = ("reproduction.yaml", "published.csv", "results.csv", "notes.md")
    assert {f"fedrobust/experiments/{f}/{n}" for f in folders for n in needed} <= names
    assert {"fedrobust/py.typed", "strategies/py.typed"} <= names
    page = [f"fedrobust/report/page/page.{end}" for end in ("css", "js", "html.jinja")]
    assert {*page, "fedrobust/record/model_card.md.jinja"} <= names
    assert {name.split("/")[0] for name in names} == {
        "fedrobust", "strategies", "fedrobust-0.1.0.dist-info",
    }  # fmt: skip
    assert not any("benchmarks" in name for name in names)


def test_a_wheel_finds_its_own_configuration(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    wheel.extractall(site)
    empty.mkdir()
    code = (
        "import fedrobust.cli, fedrobust.config.compose;"
        "print(fedrobust.config.compose.config_dir(), flush=True);"
        "fedrobust.cli.main(['run', '--cfg', 'job'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, *job = done.stdout.splitlines()
    assert where == str(site / "fedrobust" / "conf")
    assert "num_clients: 10" in job


class Installed:
    """The installed wheel, its commands typed in an empty folder."""

    def __init__(self, scripts: Path, folder: Path) -> None:
        self.folder = folder
        self._scripts = scripts
        (self.package,) = scripts.parent.glob("lib/*/site-packages/fedrobust")

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._scripts / words[0]), *words[1:]],
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=900,
        )

    def __call__(self, *words: str) -> str:
        done = self.type(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """What the package holds, but for what Python compiles."""
        return {
            str(p): p.read_bytes()
            for p in self.package.rglob("*")
            if p.is_file() and p.suffix != ".pyc"
        }


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    if SCRIPTS is None:
        pytest.skip("make wheel runs this")
    (tmp_path / "empty").mkdir()
    return Installed(Path(SCRIPTS), tmp_path / "empty")


def test_an_installed_wheel_runs_the_first_job_of_the_demo_and_reports(installed):
    out = installed("fedrobust", "run", "experiment=demo", "hydra.run.dir=demo/first")
    assert "seed=0: clean" in out
    assert "trimmed_mean" in installed("fedrobust", "list", "strategy")
    assert "ε=0.05" in installed("fedrobust", "report", "demo")
    assert (installed.folder / "demo" / "report.md").is_file()
    assert "usage: fedrobust" in installed("python", "-m", "fedrobust", "--help")


def test_an_installed_wheel_checks_a_cell_of_a_published_table(installed, mnist):
    before = installed.files()
    assert REPRODUCTION in installed("fedrobust", "reproduce", "--help")
    cell = ("dataset=mnist", "byzantine=0", "attack=gaussian", "rule=multi_krum")
    check = ("--cells", *cell, "--seeds", "0", "--check")
    done = installed.type("fedrobust", "reproduce", REPRODUCTION, *check)
    # On another kind of CPU than the row's the last bits differ, and it says so.
    same = done.returncode == 0 and "to the bit" in done.stdout
    elsewhere = done.returncode == 1 and "DIFFERS (the row is of" in done.stdout
    assert same or elsewhere, done.stdout + done.stderr
    assert list(installed.folder.iterdir()) == []
    assert installed.files() == before


def test_an_installed_wheel_writes_pages_where_the_user_stands(installed, mnist):
    name = "karimireddy2022_bucketing"
    before = installed.files()
    out = installed("fedrobust", "reproduce", name, "--page")
    page = installed.folder / "reproductions" / name / "README.md"
    assert str(page.relative_to(installed.folder)) in out
    kept = REPOSITORY / "experiments" / name / "README.md"
    assert page.read_text() == kept.read_text()
    assert installed.files() == before
