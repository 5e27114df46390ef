"""A column of the reports is one entry of one list, which every writer goes through."""

import csv
import json

from rich.console import Console

from fedrobust.report import collect, markdown, terminal_table, write_csv
from fedrobust.report.column import Column
from fedrobust.report.columns import FIGURES, accuracy
from tests.fedrobust.report.test_report import write_run


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


def test_a_figure_that_a_run_lacks_is_not_shown_as_zero(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (path,) = tmp_path.glob("*/evaluations/*.json")
    result = json.loads(path.read_text())
    assert "| 2.00 |" in markdown(collect(tmp_path))
    path.write_text(json.dumps({**result, "bytes_up": None}))
    text = markdown(collect(tmp_path))
    assert "| – |" in text
    assert "0.00" not in text
