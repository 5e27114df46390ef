"""The committed reproductions: each can be run, and its page has its results."""

import csv
import shutil
from pathlib import Path

import pytest

from fedrobust.commands import reproduce
from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.one_run import run
from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.definition import Job, Ordering
from fedrobust.reproduce.loading import experiments_folder, reproduction_names
from fedrobust.reproduce.published import read_published
from fedrobust.reproduce.verdicts import compare
from tests.conftest import REAL_DATA

NAMES = reproduction_names(experiments_folder())


@pytest.fixture
def image_sets(mnist: None) -> None:
    if not (REAL_DATA / "fashion_mnist.npz").is_file():
        pytest.skip(f"no fashion_mnist.npz in {REAL_DATA}")


def test_no_tolerance_is_shown_where_nothing_is_judged():
    columns = {
        name: "| allowed |" in (experiments_folder() / name / "README.md").read_text()
        for name in NAMES
    }
    judged = {n for n in NAMES if load_reproduction(n).verdict != "compared"}
    assert {name for name, shown in columns.items() if shown} == judged


@pytest.mark.usefixtures("image_sets")
@pytest.mark.parametrize("name", NAMES)
def test_every_planned_run_can_be_composed_and_held_to_what_was_published(name):
    reproduction = load_reproduction(name)
    published = read_published(reproduction)
    assert {cell for cell, _ in published} & set(reproduction.cells) or not published
    for cell, _ in published:
        assert all(
            v in reproduction.columns[c] for c, v in reproduction.values(cell).items()
        )
    with (reproduction.folder / "published.csv").open() as file:
        claims = {
            (r["claim"], r["source"]) for r in csv.DictReader(file) if r.get("claim")
        }
    assert claims <= {(o.claim, o.source) for o in reproduction.orderings}
    assert {measure for _, measure in published} <= set(reproduction.measures)
    for ordering in reproduction.orderings:
        assert isinstance(ordering, Ordering)
        assert compare(reproduction, ordering, {}), ordering.claim
    first_of_each: dict[str, Job] = {}
    for job in reproduction.jobs:
        for column, value in reproduction.values(job.cell).items():
            first_of_each.setdefault(f"{column}={value}", job)
    jobs = set(first_of_each.values())
    assert len({job.config.digest for job in jobs}) == len(jobs)


@pytest.mark.usefixtures("image_sets")
@pytest.mark.parametrize("name", NAMES)
def test_every_finished_cell_is_found_finished_and_its_page_is_what_it_was(
    name, tmp_path, monkeypatch, capsys
):
    experiments = tmp_path / "experiments"
    shutil.copytree(
        experiments_folder(), experiments, ignore=shutil.ignore_patterns("benchmarks")
    )
    pages = [experiments / "README.md", experiments / name / "README.md"]
    written = [page.read_text() for page in pages]
    reproduction = load_reproduction(name, experiments)
    results = Results(reproduction)
    done = [j for j in reproduction.jobs if (j.cell, j.seed) in results.rows]
    assert len(done) == len(results.rows) > 0
    # One seed of each cell, as composing all runs takes half a minute.
    finished = list({job.cell: job for job in done}.values())
    monkeypatch.setattr(reproduce, "_run", lambda *_: pytest.fail("something is run"))
    assert reproduce._reproduce(reproduction, results, finished, tmp_path / "runs") == 0
    said = f"{name}: {len(finished)} of {len(finished)} runs are done"
    assert said in capsys.readouterr().out
    assert len({job.config.digest for job in finished}) == len(finished)
    assert [page.read_text() for page in pages] == written


@pytest.mark.usefixtures("image_sets")
@pytest.mark.parametrize("name", NAMES)
def test_every_reproduction_runs_for_two_rounds(name, tmp_path):
    _run_for_two_rounds(load_reproduction(name).jobs[0], tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("image_sets")
@pytest.mark.parametrize("name", NAMES)
def test_every_choice_of_a_reproduction_runs_for_two_rounds(name, tmp_path):
    reproduction = load_reproduction(name)
    first_of_each: dict[tuple[str, str], Job] = {}
    for job in reproduction.jobs[1:]:
        for choice in reproduction.values(job.cell).items():
            first_of_each.setdefault(choice, job)
    for job in dict.fromkeys(first_of_each.values()):
        _run_for_two_rounds(job, tmp_path / "-".join(job.cell))


def _run_for_two_rounds(job: Job, folder: Path) -> None:
    short = ["num_rounds=2", "dataset.num_train=2000", "attack.samples=100",
             "evaluation.every=1"]  # fmt: skip
    config = load_config(compose_run([*job.overrides, *short]))
    result = run(config, folder / "run")
    assert result.skipped_rounds == result.failed == result.quarantined == 0
