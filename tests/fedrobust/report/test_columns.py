"""A column of the reports is one entry of one list, which every writer goes through."""

import csv
import json

from rich.console import Console

from fedrobust.report import (
    collect,
    grids,
    markdown,
    robustness_table,
    terminal_table,
    write_csv,
)
from fedrobust.report.column import Column
from fedrobust.report.columns import FIGURES, accuracy
from tests.fedrobust.report.runs import write_run


def printed(runs) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(terminal_table(runs))
    return captured.get()


def test_a_new_column_is_one_entry_of_the_list(tmp_path, monkeypatch):
    for seed, clean in ((0, 0.9), (1, 0.8)):
        write_run(tmp_path, clean, 0.5, seed=seed)
    runs = collect(tmp_path)
    error = accuracy("error", lambda result: 1 - result.clean_accuracy, "error rate")
    assert "error rate" not in markdown(runs) + printed(runs)
    monkeypatch.setattr("fedrobust.report.columns.FIGURES", [error, *FIGURES])
    # 10 and 20 percent: 15 on average, sqrt(2) * 5 apart.
    for text in (markdown(runs), printed(runs)):
        assert "error rate" in text
        assert "15.0 ± 7.1" in text
    write_csv(runs, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        found = [float(row["error"]) for row in csv.DictReader(file)]
    assert [round(value, 9) for value in found] == [0.1, 0.2]


def test_a_column_of_the_csv_alone_and_one_that_nobody_fills_are_in_no_table(
    tmp_path, monkeypatch
):
    write_run(tmp_path, 0.9, 0.5)
    runs = collect(tmp_path)
    several = [
        Column("secret", lambda group: 7),
        accuracy("backdoor", lambda result: result.backdoor_success, is_optional=True),
    ]
    monkeypatch.setattr("fedrobust.report.columns.FIGURES", several)
    assert "secret" not in markdown(runs)
    assert "backdoor" not in markdown(runs)
    write_csv(runs, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines == ["seed,clean,robust_0.1,secret", "0,0.9,0.5,7"]


def test_report_csv_has_the_checks_the_traffic_and_the_seconds_of_each_run(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    write_csv(collect(tmp_path), tmp_path / "t.csv")
    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    # 2 MB down and 2 MB up in two rounds.
    assert row == {
        "seed": "0", "clean": "0.9", "robust_0.1": "0.5", "config_digest": "0",
        "checks": "FAILED: within_ball", "megabytes_a_round": "2.0",
        "wall_seconds": "1.0",
    }  # fmt: skip


def test_a_failed_check_is_shown(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    assert "FAILED: within_ball" in markdown(collect(tmp_path))


def test_doubtful_runs_have_a_star_wherever_they_count(tmp_path):
    from fedrobust.report.figures import heat_map

    write_run(tmp_path, 0.95, 0.5)
    write_run(tmp_path, 0.90, 0.5, byzantine="alie", failed=True)
    write_run(tmp_path, 0.85, 0.5, byzantine="sign_flip")
    write_run(tmp_path, 0.88, 0.5, strategy="krum")
    write_run(tmp_path, 0.80, 0.5, strategy="krum", byzantine="alie")
    path = next(tmp_path.glob("krum-0/evaluations/*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "skipped_rounds": 2}))
    runs = collect(tmp_path)
    text = markdown(runs)
    # The worst of fedavg is that of a good run, but the doubtful might be worse.
    assert "| fedavg | 0.0 | 95.0 | 90.0* | 85.0 | 85.0* |" in text
    assert "| krum | 7.0* | 88.0* | 80.0 | – | – |" in text
    assert "| 1 of 2; SKIPPED 2 rounds |" in text
    said = "A run behind it failed a check or skipped rounds"
    assert text.count(said) == 1
    grid = grids(runs)[0]
    assert said in robustness_table(grid).caption
    figure = heat_map([grid])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["95", "90*", "85", "85*", "88*", "80", "–", "–"]
    assert said in figure.get_supxlabel()
    write_run(tmp_path / "good", 0.9, 0.5)
    write_run(tmp_path / "good", 0.9, 0.5, strategy="krum")
    assert "*" not in markdown(collect(tmp_path / "good")).replace("**", "")


def test_the_worst_client_and_the_spread_over_clients_are_shown(tmp_path):
    for seed, worst in ((0, 0.70), (1, 0.80)):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / str(seed) / "evaluations" / "e.json"
        result = json.loads(path.read_text())
        result["federated"] = {
            "worst_client": {"clean_accuracy": worst},
            "spread": {"clean_accuracy": worst / 10},
        }
        path.write_text(json.dumps(result))
    write_run(tmp_path, 0.8, 0.5, strategy="krum", seed=0)
    text = markdown(collect(tmp_path))
    assert "| ε=0.1 | worst client / spread |" in text
    # (70 + 80) / 2 and (7 + 8) / 2; a run whose clients held nothing out has none.
    assert "| 50.0 ± 0.0 | 75.0 / 7.5 |" in text
    assert "| 50.0 | – / – |" in text


def test_a_figure_that_a_run_lacks_is_not_shown_as_zero(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (path,) = tmp_path.glob("*/evaluations/*.json")
    result = json.loads(path.read_text())
    assert "| 2.00 |" in markdown(collect(tmp_path))
    path.write_text(json.dumps({**result, "bytes_up": None}))
    text = markdown(collect(tmp_path))
    assert "| – |" in text
    assert "0.00" not in text
