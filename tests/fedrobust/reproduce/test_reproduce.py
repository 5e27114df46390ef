"""Reproductions: the rules of the verdict, the cells, and what is refused."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from fedrobust.cli import main
from fedrobust.commands import reproduce
from fedrobust.config import load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError, RunFailedError
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection, RoundRow
from fedrobust.reproduce import Results, load_reproduction, verdict
from fedrobust.reproduce.costs import minutes_of
from fedrobust.reproduce.definition import Job, Ordering
from fedrobust.reproduce.figure import against, by_cell
from fedrobust.reproduce.loading import experiments_folder, reproduction_names
from fedrobust.reproduce.measures import Measure, measured
from fedrobust.reproduce.page import write_page
from fedrobust.reproduce.published import Published, read_published
from fedrobust.reproduce.settings import changed, settings
from fedrobust.reproduce.tally import claim_counts
from fedrobust.reproduce.verdicts import allowed, compare
from fedrobust.run import run
from tests.conftest import REAL_DATA, REPOSITORY

NAMES = reproduction_names(experiments_folder())
TOY = [
    "training=standard",
    "attack=none",
    "byzantine=none",
    "num_clients=4",
    "num_rounds=3",
    "evaluation.every=1",
]


@pytest.mark.parametrize(
    ("rule", "paper", "ours", "expected"),
    [
        # 2.5 * 6 * sqrt(1/3 + 1/3) = 12.247
        ("seeds", Published(40.0, 6.0, 3), [52.0, 52.2, 52.4], "inside"),
        ("seeds", Published(40.0, 6.0, 3), [52.2, 52.3, 52.4], "outside"),
        # 2.5 * 0.2 * sqrt(1/3 + 1) = 0.577: the 1.5 points decide
        ("seeds", Published(92.0, 0.2, 3), [93.5], "inside"),
        ("seeds", Published(92.0, 0.2, 3), [90.4], "outside"),
        # 2.5 * 6 * sqrt(1/3 + 1) = 17.32: one seed of ours
        ("seeds", Published(40.0, 6.0, 3), [57.3], "inside"),
        ("seeds", Published(40.0, 6.0, 3), [57.4], "outside"),
        # sd of .80 .84 .88 is .04: 2 sd = .08
        ("single", Published(0.76), [0.80, 0.84, 0.88], "inside"),
        ("single", Published(0.75), [0.80, 0.84, 0.88], "outside"),
        # equal numbers: 0.05 decides
        ("single", Published(0.80), [0.85, 0.85, 0.85], "inside"),
        ("single", Published(0.80), [0.86, 0.86, 0.86], "outside"),
        ("single", Published(0.80), [0.80, 0.80], "compared"),
        ("seeds", Published(92.0), [92.0, 92.0], "compared"),
        ("compared", Published(92.0, 1.0, 3), [92.0, 92.0, 92.0], "compared"),
        ("seeds", None, [92.0], "ours alone"),
        ("seeds", Published(92.0, 0.2, 3), [], "not run"),
    ],
)
def test_the_verdict_is_the_rule(rule, paper, ours, expected):
    assert verdict(rule, paper, ours) == expected


@pytest.mark.parametrize(
    ("rule", "paper", "ours", "expected"),
    [
        # 2.5 * 6 * sqrt(1/3 + 1/1) = 15 * 1.1547
        ("seeds", Published(40.0, 6.0, 3), [50.0], 17.3205),
        # 2.5 * 0.2 * sqrt(1/3 + 1/1) = 0.577: never less than 1.5 points
        ("seeds", Published(92.0, 0.2, 3), [93.5], 1.5),
        # sd of .80 .84 .88 is .04
        ("single", Published(0.76), [0.80, 0.84, 0.88], 0.08),
        ("single", Published(0.80), [0.85, 0.85, 0.85], 0.05),
        ("single", Published(0.80), [0.80, 0.80], None),
        ("seeds", Published(92.0), [92.0], None),
        ("seeds", Published(40.0, 6.0, 3), [], None),
        ("seeds", None, [92.0], None),
        ("compared", Published(92.0, 1.0, 3), [92.0], None),
    ],
)
def test_a_cell_has_the_tolerance_of_the_rule(rule, paper, ours, expected):
    limit = allowed(rule, paper, ours)
    assert limit is None if expected is None else limit == pytest.approx(expected)


@pytest.fixture
def image_sets(mnist: None) -> None:
    if not (REAL_DATA / "fashion_mnist.npz").is_file():
        pytest.skip(f"no fashion_mnist.npz in {REAL_DATA}")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Create a folder of experiments with one small reproduction."""
    folder = tmp_path / "experiments" / "demo"
    folder.mkdir(parents=True)
    (tmp_path / "experiments" / "README.md").write_text(
        "before\n<!-- written by fedrobust reproduce -->\n<!-- end -->\nafter\n"
    )
    definition = {
        "title": "A toy",
        "paper": "Nobody: Nothing, 2026.",
        "verdict": "seeds",
        "minutes": 0.1,
        "columns": {
            "rule": {
                "avg": ["strategy=mean", *TOY],
                "cm": ["strategy=median", "num_byzantine=1", *TOY],
            }
        },
        "measures": {"accuracy": {"of": "clean", "over": "last 2", "scale": 100}},
        "plan": [{"rule": ["avg", "cm"], "seeds": [0, 1]}],
        "orderings": [
            {
                "claim": "the mean is better",
                "source": "nowhere",
                "higher": {"rule": "avg"},
                "lower": {"rule": "cm"},
            }
        ],
    }
    (folder / "reproduction.yaml").write_text(yaml.safe_dump(definition))
    (folder / "published.csv").write_text(
        "rule,measure,value,sd,n,source\navg,accuracy,50,30,3,nowhere\n"
    )
    return tmp_path / "experiments"


def command(toy: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    from fedrobust.commands import reproduce as module

    monkeypatch.setattr(module, "experiments_folder", lambda: toy)
    monkeypatch.setattr(
        module, "load_reproduction", lambda name: load_reproduction(name, toy)
    )
    return main(["reproduce", "demo", "--runs", str(toy.parent / "runs"), *words])


def test_a_reproduction_runs_resumes_and_writes_its_page(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    assert (row["rule"], row["seed"]) == ("avg", "0")
    (path,) = (toy.parent / "runs").iterdir()
    rows = [json.loads(line) for line in (path / "metrics.jsonl").open()]
    last = [r["clean_accuracy"] for r in rows][-2:]
    assert float(row["accuracy"]) == pytest.approx(100 * sum(last) / 2, abs=1e-9)
    page = (toy / "demo" / "README.md").read_text()
    assert "1 of 4 planned runs are done" in page
    assert "| avg | 50.00 ± 30.00 |" in page
    # 2.5 * 30 * sqrt(1/3 + 1/1)
    assert "| ± 86.60 | 1 of 2 | inside |" in page
    cost = f"about {float(row['minutes']):.0f} minutes"
    assert f"| cm | – | – | – | 0 of 2 | not run ({cost}) |" in page
    assert "The paper's claims are untested for 1 pair of cells. " in page
    index = (toy / "README.md").read_text()
    assert index.startswith("before\n")
    assert index.endswith("after\n")
    numbers = "2 | 1 | 0 | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 1"
    assert f"| [A toy](demo/README.md) | {numbers} |" in index
    # The others follow; what is there stays to the byte.
    assert command(toy, monkeypatch) == 0
    found = list(csv.DictReader(results.open()))
    assert [(r["rule"], r["seed"]) for r in found] == [
        ("avg", "0"), ("avg", "1"), ("cm", "0"), ("cm", "1")
    ]  # fmt: skip
    assert found[0] == row
    assert (toy / "demo" / "figure.png").is_file()
    assert (
        "![ours against the paper's, ± standard deviations over seeds](figure.png)"
        in page
    )
    assert "1 of 4 runs are done" in capsys.readouterr().out
    # And a cell run again gives the same number, or says that it does not.
    check = ("--cells", "rule=cm", "--seeds", "1", "--check")
    assert command(toy, monkeypatch, *check) == 0
    assert "to the bit" in capsys.readouterr().out
    text = results.read_text()
    results.write_text(text.replace(found[3]["accuracy"], "12.5"))
    assert command(toy, monkeypatch, *check) == 1
    assert "DIFFERS\n" in capsys.readouterr().out
    results.write_text(results.read_text().replace(found[3]["processor"], "a 486"))
    assert command(toy, monkeypatch, *check) == 1
    assert "DIFFERS (the row is of a 486, this run of " in capsys.readouterr().out
    monkeypatch.setattr("fedrobust.vectors.widest", lambda: "AVX-512")
    monkeypatch.setattr("fedrobust.vectors.cpu_name", lambda: "a CPU")
    results.write_text(results.read_text().replace("a 486", "a CPU (AVX2) with oneDNN"))
    assert command(toy, monkeypatch, *check) == 1
    said = "; with FEDROBUST_VECTORS=AVX2 it computes the same bits)"
    assert said in capsys.readouterr().out


def test_finished_runs_are_collected_and_two_at_a_time_lose_nothing(toy, monkeypatch):
    reproduction = load_reproduction("demo", toy)
    ours = Results(reproduction)  # of a command that began before the next one
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    path = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(path.open())
    # The same run again, as if the other had made it, and then one row more of ours.
    job = next(j for j in reproduction.jobs if (j.cell, j.seed) == (("cm",), 0))
    config = load_config(compose_run(job.overrides))
    folder = RunFolder(toy.parent / "runs" / config.digest, config)
    run(config, folder.path)
    # As if it had been resumed in its evaluation: two minutes, and one of training.
    (kept,) = folder.path.glob("evaluations/*.json")
    resumed = {"wall_seconds": 120.0, "earlier_seconds": 60.0}
    kept.write_text(json.dumps({**json.loads(kept.read_text()), **resumed}))
    ours.add(job, folder, run(config, folder.path))
    rows = list(csv.DictReader(path.open()))
    assert rows[1]["minutes"] == "3.0"
    assert [r["rule"] for r in rows] == ["avg", "cm"]
    assert rows[0] == row
    path.unlink()
    assert command(toy, monkeypatch, "--collect") == 0
    assert list(csv.DictReader(path.open())) == rows
    assert "2 of 4 planned runs" in (toy / "demo" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cells", "rul=avg"], ["no column 'rul'", "'rule'"]),
        (["--cells", "rule=av"], ["no value 'av'", "'avg'"]),
        (["--seeds", "7"], ["no run is planned", "seed=7"]),
        (["--seeds", "0,7"], ["no run is planned", "seed=7"]),
        (["--collect"], ["--runs", "no such folder"]),
        (["--seeds", "a"], ["--seeds a", "integers"]),
        (["--check"], ["nothing to check"]),
        (["--check", "--page"], ["--page", "not allowed with", "--check"]),
        (["--rule", "avg"], ["--rule", "reproduce --help"]),
    ],
)
def test_mistakes_are_told_in_one_sentence(toy, monkeypatch, capsys, words, said):
    assert command(toy, monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(part in error for part in said)
    assert not (toy / "demo" / "results.csv").exists()


@pytest.mark.parametrize("mode", [[], ["--collect"]])
def test_a_folder_of_something_else_is_left_alone(toy, monkeypatch, capsys, mode):
    (job,) = load_reproduction("demo", toy).select(["rule=avg"], [0])
    folder = toy.parent / "runs" / load_config(compose_run(job.overrides)).digest
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("mine")
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0", *mode) == 2
    assert "holds no run: choose another --runs\n" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_an_unknown_name_is_told(capsys):
    assert main(["reproduce", "karimireddy"]) == 2
    assert "did you mean 'karimireddy2022_bucketing'" in capsys.readouterr().err


def test_results_of_another_version_are_not_overwritten(toy, monkeypatch, capsys):
    words = ("--cells", "rule=avg", "--seeds", "0")
    assert command(toy, monkeypatch, *words) == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    for old, new, said in (
        (row["config_digest"], "0123456789abcdef", "another version of this experim"),
        (",minutes,", ",hours,", "missing: ['minutes'], unknown: ['hours']"),
    ):
        changed = results.read_text().replace(old, new)
        results.write_text(changed)
        capsys.readouterr()
        assert command(toy, monkeypatch) == 2
        assert said in capsys.readouterr().err
        assert results.read_text() == changed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("verdict: seeds", "verdict: seed", "did you mean 'seeds'"),
        ("verdict: seeds", "verdict: single", "measures.accuracy.scale=100"),
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


def test_damaged_results_are_refused(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    head, row = results.read_text().splitlines()
    cell, _, rest = row.partition(",0,")
    numbers = dict(zip(head.split(","), row.split(","), strict=True))

    def with_value(name: str, value: str) -> str:
        return ",".join({**numbers, name: value}.values())

    for damaged in (
        f"{cell},x,{rest}",
        f"{row},more",
        f"{row}\n{row}",
        "avg,0",
        with_value("accuracy", "abc"),
        with_value("accuracy", "nan"),
        with_value("accuracy", "100.1"),
        with_value("accuracy", ""),
        with_value("minutes", "x"),
        with_value("rule", "median"),
    ):
        results.write_text(f"{head}\n{damaged}\n")
        capsys.readouterr()
        assert command(toy, monkeypatch) == 2
        assert "results.csv, line" in capsys.readouterr().err
        assert results.read_text() == f"{head}\n{damaged}\n"


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


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_read(toy, monkeypatch):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results, page = toy / "demo" / "results.csv", toy / "demo" / "README.md"
    before = page.read_text()
    for path in (results, toy / "demo" / "published.csv"):
        path.write_text("\ufeff" + path.read_text(), newline="\r\n")
    assert command(toy, monkeypatch, "--page") == 0
    assert page.read_text() == before


def test_other_numbers_of_the_same_run_are_not_thrown_away_unseen(toy, monkeypatch):
    ours = Results(load_reproduction("demo", toy))
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    path = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(path.open())
    changed = path.read_text().replace(row["accuracy"], "12.5")
    path.write_text(changed)
    (job,) = load_reproduction("demo", toy).select(["rule=avg"], [0])
    folder = RunFolder(toy.parent / "runs" / job.config.digest, job.config)
    with pytest.raises(RunFailedError, match=r"its accuracy is 12\.5 where this run"):
        ours.add(job, folder, folder.result())
    assert path.read_text() == changed


def test_what_is_left_costs_what_runs_like_it_took(toy, monkeypatch):
    """In most columns alike first; without any run, what the file says."""
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["columns"]["size"] = {"s": [], "l": ["num_rounds=3"]}
    definition["plan"][0] |= {"size": ["s", "l"], "seeds": [0, 1, 2]}
    path.write_text(yaml.safe_dump(definition))
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    assert minutes_of(("avg", "s"), reproduction, results) == 0.1
    for cell, seed, minutes in (
        (("avg", "s"), 0, "3.0"), (("avg", "s"), 1, "5.0"), (("cm", "l"), 0, "40.0"),
    ):  # fmt: skip
        results.rows[cell, seed] = {"minutes": minutes}
    assert minutes_of(("avg", "s"), reproduction, results) == 4.0
    assert minutes_of(("cm", "s"), reproduction, results) == 5.0
    assert minutes_of(("cm", "l"), reproduction, results) == 40.0


def test_a_row_that_is_not_planned_is_refused(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    changed = results.read_text().replace("avg,0,", "avg,7,")
    results.write_text(changed)
    assert command(toy, monkeypatch) == 2
    assert "avg with seed 7 is not planned" in capsys.readouterr().err
    assert results.read_text() == changed


def test_results_that_are_no_text_are_refused(toy, monkeypatch, capsys):
    results = toy / "demo" / "results.csv"
    results.write_bytes(b"rule,\xff")
    assert command(toy, monkeypatch) == 2
    assert "results.csv cannot be read" in capsys.readouterr().err


def test_a_row_of_another_version_is_refused_whatever_is_run(toy, monkeypatch, capsys):
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    changed = results.read_text().replace(row["config_digest"], "0123456789abcdef")
    results.write_text(changed)
    assert command(toy, monkeypatch, "--cells", "rule=cm", "--seeds", "1") == 2
    assert "another version of this experiment" in capsys.readouterr().err
    assert results.read_text() == changed


def test_cells_of_another_setting_are_compared_and_say_why(toy, monkeypatch):
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["unlike"] = [{"cells": {"rule": "avg"}, "why": "a smaller network"}]
    path.write_text(yaml.safe_dump(definition))
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    page = (toy / "demo" / "README.md").read_text()
    assert "| 1 of 2 | compared (a smaller network) |" in page
    assert "2 cells, by accuracy: 1 compared, 1 not run" in page
    reproduction = load_reproduction("demo", toy)
    figure = against(reproduction, Results(reproduction), read_published(reproduction))
    _, words = figure.axes[0].get_legend_handles_labels()
    assert words == ["compared"]


def test_cells_outside_are_numbered_in_the_figure_and_share_a_label_where_near(toy):
    path = toy / "demo" / "published.csv"
    path.write_text(
        "rule,measure,value,sd,n,source\navg,accuracy,50,1,3,a\ncm,accuracy,52,1,3,b\n"
    )
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for ours, expected in (("93", ["1, 2"]), ("70", ["1", "2"])):
        for rule, value in (("avg", "90"), ("cm", ours)):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), 0] = {**row, "accuracy": value}
        figure = against(reproduction, results, read_published(reproduction))
        axes = figure.axes[0]
        assert [text.get_text() for text in axes.texts] == expected
        _, words = axes.get_legend_handles_labels()
        assert words == ["outside", "1  avg", "2  cm"]


def test_pairs_with_a_cell_of_another_setting_are_not_judged(toy):
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["unlike"] = [{"cells": {"rule": "cm"}, "why": "a smaller network"}]
    path.write_text(yaml.safe_dump(definition))
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for rule, values in (("avg", [1, 2, 3]), ("cm", [7, 8, 9])):
        for seed, value in enumerate(values):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), seed] = {**row, "accuracy": str(value)}
    assert claim_counts(reproduction, results) == {("compared", False): 1}
    page = write_page(reproduction, results).read_text()
    assert (
        "The paper's claims are compared but not judged for 1 pair of cells. " in page
    )
    assert "| compared (a smaller network) |" in page


@pytest.mark.parametrize("name", ["zhang2023_undefended", "zizzo2020_fat"])
def test_where_nothing_is_judged_the_figure_has_every_number(name):
    reproduction = load_reproduction(name)
    assert reproduction.verdict == "compared"
    results = Results(reproduction)
    published = read_published(reproduction)
    figure = by_cell(reproduction, results, published)
    for axes, measure in zip(figure.axes, reproduction.measures, strict=True):
        numbers = results.numbers(measure)
        drawn = {
            label.get_text(): sorted(
                float(x)
                for line in axes.lines
                if line.get_marker() == "o"
                for x, y in zip(*line.get_data(), strict=True)
                if y == place
            )
            for place, label in zip(
                figure.axes[0].get_yticks(), figure.axes[0].get_yticklabels(),
                strict=True,
            )
        }  # fmt: skip
        ours = {"/".join(c): sorted(numbers.get(c, [])) for c in reproduction.cells}
        assert drawn == {cell: ours[cell] for cell in drawn}
        assert {cell for cell in ours if ours[cell]} <= set(drawn)
        hollow = sorted(
            float(line.get_xdata()[0])
            for line in axes.lines
            if line.get_marker() == "D" and len(line.get_xdata())
        )
        assert hollow == sorted(
            paper.value
            for (cell, of), paper in published.items()
            if of == measure and "/".join(cell) in drawn
        )


def test_settings_show_what_a_value_changes(toy):
    old = {"s": {"rule": {"_target_": "a", "f": 3}, "same": 1}, "gone": 2}
    new = {"s": {"rule": {"_target_": "a", "f": 4}, "same": 1}, "more": {"x": 1}}
    assert dict(changed(old, new)) == {
        "s.rule.f": 4,
        "more": {"x": 1},
        "gone": "(not there)",
    }
    # Another object is shown whole.
    new["s"]["rule"] = {"_target_": "b", "f": 3}
    assert dict(changed(old, new))["s.rule"] == {"_target_": "b", "f": 3}
    # What another column changes is told apart.
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["columns"]["rate"] = {
        "0.1": "training.optimizer.learning_rate=0.1",
        "0.2": "training.optimizer.learning_rate=0.2",
    }
    definition["plan"] = [
        {"rule": "avg", "rate": 0.1, "seeds": [0]},
        {"rule": "cm", "rate": 0.2, "seeds": [0]},
        {"rule": "cm", "rate": 0.1, "seeds": [0]},
    ]
    path.write_text(yaml.safe_dump(definition))
    table = settings(load_reproduction("demo", toy)).splitlines()
    rows = {tuple(line.split(" | ")[:2]): line.split(" | ")[3] for line in table
            if line.startswith("| r")}  # fmt: skip
    assert rows["| rule", "avg"] == rows["| rate", "0.1"] == "nothing |"
    assert "learning_rate" not in rows["| rule", "cm"]
    assert "(rate" not in rows["| rule", "cm"]
    assert "`training.optimizer.learning_rate: 0.2`" in rows["| rate", "0.2"]
    assert "Median" in rows["| rate", "0.2"]
    assert "(rule cm) |" in rows["| rate", "0.2"]


# What the bucketing paper's code has (its exp2 and exp3), in the units of gradients.
BUCKETING = {
    ("attack", "bf"): ("byzantine", {"scale": 1.0}),
    ("attack", "lf"): ("byzantine", {"source": None, "target": None}),
    ("attack", "ipm"): ("byzantine", {"epsilon": 0.1, "factor": None}),
    ("attack", "alie"): (
        "byzantine",
        {"z": None, "sign": 1, "ddof": 1, "statistics": "honest"},
    ),
    ("attack", "mimic"): ("byzantine", {"mode": "variance", "warmup": 1}),
    ("rule", "krum"): ("rule", {"variant": "epfml", "f": 5}),
    ("rule", "rfa"): ("rule", {"iterations": 8, "nu": 0.1, "init": "zeros"}),
    ("rule", "cclip"): ("rule", {"tau": 10.0, "iterations": 3}),
    ("momentum", "0.9"): ("rule", {"tau": 100.0, "iterations": 3}),
}


@pytest.mark.parametrize(("value", "expected"), BUCKETING.items(), ids=str)
def test_the_settings_of_bucketing_are_those_of_its_code(value, expected):
    reproduction = load_reproduction("karimireddy2022_bucketing")
    position = list(reproduction.columns).index(value[0])
    job = next(j for j in reproduction.jobs if j.cell[position] == value[1])
    group, numbers = expected
    said = job.composed
    node = said["byzantine"] if group == "byzantine" else said["strategy"]["rule"]
    assert {name: node[name] for name in numbers} == numbers
    assert (said["num_clients"], said["num_byzantine"]) == (25, 5)
    assert said["num_rounds"] == 600


def test_doubtful_runs_are_marked_and_another_evaluation_is_another_version(
    toy, monkeypatch, capsys
):
    said = "failed logits; 2 rounds skipped"
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    results = toy / "demo" / "results.csv"
    (row,) = csv.DictReader(results.open())
    assert row["trouble"] == ""
    marked = results.read_text().replace(
        f"{row['accuracy']},", f"{row['accuracy']},{said}"
    )
    results.write_text(marked)
    assert command(toy, monkeypatch, "--page") == 0
    assert f"(seed 0: {said}) |" in (toy / "demo" / "README.md").read_text()
    other = results.read_text().replace(row["evaluation_digest"], "0123456789abcdef")
    results.write_text(other)
    assert command(toy, monkeypatch, "--page") == 2
    assert "another version of this experiment" in capsys.readouterr().err


def test_a_claim_pairs_cells_that_differ_in_what_it_says(toy):
    reproduction = load_reproduction("demo", toy)
    (ordering,) = reproduction.orderings

    def compared(avg, cm):
        (pair,) = compare(reproduction, ordering, {("avg",): avg, ("cm",): cm})
        return pair

    # Seed by seed 3 and 5: 4 ± 12.7062 * 1, t with one degree of freedom.
    pair = compared({0: 4.0, 1: 8.0}, {0: 1.0, 1: 3.0})
    assert (pair.difference, pair.margin) == (4.0, pytest.approx(12.7062, abs=1e-4))
    assert pair.verdict == "holds, two seeds"
    # 3, 3.3 and 2.7: 3 ± 4.3027 * 0.3 / sqrt(3), with two degrees of freedom.
    pair = compared({0: 4.0, 1: 8.3, 2: 0.7}, {0: 1.0, 1: 5.0, 2: -2.0})
    assert pair.difference == pytest.approx(3.0)
    assert pair.margin == pytest.approx(4.3027 * 0.3 / 3**0.5, abs=1e-4)
    assert pair.verdict == "holds"
    # 1, 3 and 2: 2 ± 4.3027 * 1 / sqrt(3)
    pair = compared({0: 1.0, 1: 3.0, 2: 2.0}, {0: 0.0, 1: 0.0, 2: 0.0})
    assert (pair.difference, pair.margin) == (2.0, pytest.approx(2.4841, abs=1e-4))
    assert pair.verdict == "holds, within chance"
    # Two seeds that differ alike say no more than two seeds.
    pair = compared({0: 1.0, 1: 2.0}, {0: 9.0, 1: 10.0})
    assert (pair.margin, pair.verdict) == (0.0, "does not hold, two seeds")
    # The seeds that only one of them has do not count, whatever they say.
    alone = {7: 1e6, 8: -3.0}
    assert compared({0: 4.0, **alone}, {0: 6.0, 1: 0.0}).difference == -2.0
    assert compared({0: 4.0, **alone}, {0: 6.0}).verdict == "does not hold, one seed"
    assert compared(alone, {0: 6.0}).verdict == "not run"
    # The same runs on both sides differ by nothing.
    same = {0: 1.0, 1: 2.0, 2: 1.0}
    assert compared(same, same).verdict == "does not hold, within chance"


DOUBTFUL = (
    "for 0 pairs of cells (and for 1 more, with fewer than three seeds or within "
    "chance). "
)


@pytest.mark.parametrize(
    ("avg", "cm", "pair", "said"),
    [
        ([4, 6, 5], [1, 3, 2], ("holds", False), "hold for 1 pair of cells. "),
        ([4, 6], [1, 3], ("holds", True), f"hold {DOUBTFUL}"),
        # 1, 3 and 2 seed by seed: 2 ± 2.5
        ([4, 6, 5], [3, 3, 3], ("holds", True), f"hold {DOUBTFUL}"),
        ([9], [1, 3, 2], ("holds", True), f"hold {DOUBTFUL}"),
        (
            [1, 3, 2],
            [4, 6, 5],
            ("does not hold", False),
            "do not hold for 1 pair of cells. ",
        ),
        ([3, 3, 3], [4, 6, 5], ("does not hold", True), f"do not hold {DOUBTFUL}"),
    ],
)
def test_what_chance_could_have_made_is_counted_apart(toy, avg, cm, pair, said):
    reproduction = load_reproduction("demo", toy)
    results = Results(reproduction)
    for rule, values in (("avg", avg), ("cm", cm)):
        for seed, value in enumerate(values):
            row = dict.fromkeys(results.names, "1")
            results.rows[(rule,), seed] = {**row, "accuracy": str(value)}
    assert claim_counts(reproduction, results) == {pair: 1}
    page = write_page(reproduction, results).read_text()
    assert f"The paper's claims {said}" in page


def test_no_tolerance_is_shown_where_nothing_is_judged():
    columns = {
        name: "| allowed |" in (experiments_folder() / name / "README.md").read_text()
        for name in NAMES
    }
    judged = {n for n in NAMES if load_reproduction(n).verdict != "compared"}
    assert {name for name, shown in columns.items() if shown} == judged


def test_a_claim_pairs_cells_that_agree_in_the_other_columns():
    reproduction = load_reproduction("gabrielli2023_flanders")
    ordering = Ordering(
        "c", "s", {"rule": "fl_median"}, {"rule": "median", "attack": ["lie", "opt"]}
    )
    # The attack is said on one side only, so it may differ between the two.
    cells = {(p.higher[2], p.lower[2]) for p in compare(reproduction, ordering, {})}
    assert ("gaussian", "opt") in cells
    same = {"attack": ["lie", "opt"], "byzantine": 20}
    ordering = Ordering(
        "c", "s", {"rule": "fl_median", **same}, {"rule": "median", **same}
    )
    cells = [(p.higher[2], p.lower[2]) for p in compare(reproduction, ordering, {})]
    assert ("lie", "lie") in cells
    assert all(high == low for high, low in cells)


def test_measures_are_what_they_say(tmp_path):
    accuracies = {1: 0.9, 2: 0.8, 3: 0.75, 4: None, 5: 0.7, 6: 0.6}

    detected = {5: Detection(None, 0.0), 6: Detection(0.5, 1.0)}
    nothing = {
        "evaluate_seconds": 0, "train_seconds": 0, "aggregate_seconds": 0,
        "bytes_down": 0, "bytes_up": 0, "quarantined": 0, "failed": 0,
    }  # fmt: skip

    class Folder:
        path = tmp_path
        config = SimpleNamespace(
            is_evaluated=lambda round: round != 4, evaluation=SimpleNamespace(every=2)
        )

        def rounds(self):
            return [
                RoundRow(
                    round=r, clean_accuracy=a, detection=detected.get(r), **nothing
                )
                for r, a in accuracies.items()
            ]

    result = Result(
        config_digest="0", seed=0, num_rounds=6, attack={}, choices={}, checks={},
        clean_accuracy=0.6, robust_accuracy={"pgd": {"0.3": 0.25}},
        worst_robust_accuracy={"0.3": 0.25},
    )  # fmt: skip
    for measure, expected in (
        (Measure("clean", "final", 100), 60.0),
        (Measure("clean", "last 3", 100), 205 / 3),  # of evaluations, not of rounds
        (Measure("clean", "best from 3"), 0.75),
        (Measure("clean", "best from 4"), 0.7),
        (Measure("precision", "mean from 3"), 0.5),
        (Measure("recall", "mean from 3", 100), 50.0),
        (Measure("pgd/0.3", "final", 100), 25.0),
        (Measure("pgd", "final"), 0.25),
    ):
        assert measured(measure, Folder(), result) == pytest.approx(expected)
    for of, over in (
        ("clean", "first 3"),
        ("pgd", "last 5"),
        ("recall", "final"),
        ("clean", "best from"),
    ):
        with pytest.raises(ValueError, match=f"over='{over}': must be"):
            Measure(of, over)
    detected.clear()
    assert measured(Measure("recall", "mean from 3"), Folder(), result) is None
    # Of a run that evaluated other rounds than these, the last three are others, too.
    Folder.config.is_evaluated = lambda round: round % 2 == 0
    with pytest.raises(
        ConfigError, match=r"not trained with evaluation\.every=2, and last"
    ):
        measured(Measure("clean", "last 3"), Folder(), result)
    assert measured(Measure("clean", "final"), Folder(), result) == 0.6


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
def test_every_finished_run_is_found_finished_and_its_page_is_what_it_was(
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
    finished = [j for j in reproduction.jobs if (j.cell, j.seed) in results.rows]
    assert len(finished) == len(results.rows) > 0
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
