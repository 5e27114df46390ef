"""A column of the reports is one entry of one list, which every writer goes through."""

import csv
import io
import json

from rich.console import Console

from fedrobust.report import collect, grids, robustness_table, terminal_table
from fedrobust.report.column import Column
from fedrobust.report.columns import FIGURES, share
from fedrobust.report.figures.heat_map import draw_grids
from fedrobust.report.finished_run import backdoor_success
from fedrobust.report.marks import RAISED
from fedrobust.report.notes import footnotes
from fedrobust.report.tables import csv_of
from tests.fedrobust.report.runs import change_result, report_text, write_run


def csv_rows(runs) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(csv_of(runs), newline=""))]


def printed(runs) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(terminal_table(runs))
    return captured.get()


def test_a_new_column_is_one_entry_of_the_list(tmp_path, monkeypatch):
    for seed, clean in ((0, 0.9), (1, 0.8)):
        write_run(tmp_path, clean, 0.5, seed=seed)
    runs = collect(tmp_path)
    error = share(
        "error", lambda result: 1 - result.clean_accuracy, runs.marks, "error rate"
    )
    assert "error rate" not in report_text(runs) + printed(runs)
    monkeypatch.setattr("fedrobust.report.columns.FIGURES", [error, *FIGURES])
    # 10 and 20 percent: 15 on average, sqrt(2) * 5 apart.
    for text in (report_text(runs), printed(runs)):
        assert "error rate" in text
        assert "15.0 ± 7.1" in text
    found = [float(row["error"]) for row in csv_rows(runs)]
    assert [round(value, 9) for value in found] == [0.1, 0.2]


def test_a_column_of_the_csv_alone_and_one_that_nobody_fills_are_in_no_table(
    tmp_path, monkeypatch
):
    write_run(tmp_path, 0.9, 0.5)
    runs = collect(tmp_path)
    several = [
        Column("secret", lambda group: 7),
        share("backdoor", backdoor_success, runs.marks, is_optional=True),
    ]
    monkeypatch.setattr("fedrobust.report.columns.FIGURES", several)
    assert "secret" not in report_text(runs)
    assert "backdoor" not in report_text(runs)
    head, row = csv_of(runs).splitlines()
    assert head.startswith("seed,clean,robust_0.1,secret,warnings,folder,config_digest")
    assert row.startswith("0,0.9,0.5,7,,")


def test_report_csv_has_the_checks_the_traffic_and_the_seconds_of_each_run(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    (row,) = csv_rows(collect(tmp_path))
    # 2 MB down and 2 MB up in two rounds.
    own = {
        "seed": "0", "clean": "0.9", "robust_0.1": "0.5",
        "checks": "FAILED: within_ball", "megabytes_a_round": "2.0",
        "wall_seconds": "1.0", "config_digest": "0",
    }  # fmt: skip
    assert [*row.items()][: len(own)] == [*own.items()]


def test_a_failed_check_is_shown(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    assert "FAILED: within_ball" in report_text(tmp_path)


def test_doubtful_runs_are_marked_wherever_they_count(tmp_path):
    write_run(tmp_path, 0.95, 0.5)
    write_run(tmp_path, 0.90, 0.5, byzantine="alie", failed=True)
    write_run(tmp_path, 0.85, 0.5, byzantine="sign_flip")
    write_run(tmp_path, 0.88, 0.5, strategy="krum")
    write_run(tmp_path, 0.80, 0.5, strategy="krum", byzantine="alie")
    change_result(tmp_path, "krum-0", skipped_rounds=2)
    runs = collect(tmp_path)
    text = report_text(runs)
    # The worst of fedavg is that of a good run, but the doubtful might be worse.
    assert "| fedavg | 0.0 | 95.0 | 90.0ᵇ | 85.0 | 85.0ᵇ |" in text
    assert "| krum | 7.0ᵃ | 88.0ᵃ | 80.0 | – | – |" in text
    assert "| 88.0ᵃ | 50.0ᵃ | 1 of 2; SKIPPED 2 rounds |" in text
    words = ["2 of 2 rounds were skipped", "failed the check within_ball"]
    assert text.count(f"- ᵃ {words[0]}") == text.count(f"- ᵇ {words[1]}") == 1
    said = footnotes(runs)
    assert [line[:2] for line in said] == ["ᵃ ", "ᵇ "]
    assert all(word in line for word, line in zip(words, said, strict=True))
    (grid, *_) = grids(runs)
    tax = [*robustness_table(grid).columns[2].cells]
    assert tax == ["0.0", "7.0ᵃ"]
    (figure,) = draw_grids([grid])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["95.0", "85.0ᵇ", "90.0ᵇ", "85.0", "88.0ᵃ", "–", "80.0", "–"]
    write_run(tmp_path / "good", 0.9, 0.5)
    write_run(tmp_path / "good", 0.9, 0.5, strategy="krum")
    assert not set(report_text(tmp_path / "good")) & set(RAISED.values())


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
    text = report_text(tmp_path)
    assert "| ε=0.1 | worst client / spread |" in text
    # (70 + 80) / 2 and (7 + 8) / 2; a run whose clients held nothing out has none.
    assert "| 50.0 ± 0.0 | 75.0 / 7.5 |" in text
    assert "| 50.0 | – / – |" in text


def test_a_figure_that_a_run_lacks_is_not_shown_as_zero(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (path,) = tmp_path.glob("*/evaluations/*.json")
    result = json.loads(path.read_text())
    assert "| 2.00 |" in report_text(tmp_path)
    path.write_text(json.dumps({**result, "bytes_up": None}))
    text = report_text(tmp_path)
    assert "| – |" in text
    assert "0.00" not in text


def private_runs(folder) -> None:
    """Write two runs with an epsilon, one that claims none, and one without privacy."""
    for seed, epsilon in ((0, 2.0), (1, 3.0)):
        write_run(folder, 0.8, 0.5, privacy="client_dp", seed=seed)
        change_result(folder, f"client_dp-{seed}", privacy={"epsilon": epsilon})
    write_run(folder, 0.7, 0.5, privacy="client_dp", strategy="krum")
    reason = "no epsilon is claimed: nothing bounds what Krum returns"
    change_result(
        folder, "client_dp-krum-0", privacy={"epsilon": None, "reason": reason}
    )
    write_run(folder, 0.9, 0.5, privacy="none")


def test_the_epsilon_of_privacy_is_a_column_and_its_absence_has_a_reason(tmp_path):
    private_runs(tmp_path)
    runs = collect(tmp_path)
    (letter,) = runs.marks.footnotes
    assert runs.marks.footnotes[letter].startswith("no epsilon is claimed")
    text = report_text(runs)
    assert "ε of privacy" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    shown = {
        tuple(cell.strip() for cell in line.split("|")[1:3]): line for line in lines
    }
    assert "| 2.5 |" in shown["fedavg", "client_dp"]
    assert f"| none{RAISED[letter]} |" in shown["krum", "client_dp"]
    assert "| – |" in shown["fedavg", "none"]
    for seed in (0, 1):
        change_result(tmp_path, f"client_dp-{seed}", privacy={"epsilon": 0.0})
    assert "<0.001 |" in report_text(collect(tmp_path))
    found = {row["privacy_epsilon"] for row in csv_rows(runs)}
    assert found == {"2.0", "3.0", ""}


def test_without_privacy_there_is_no_such_column(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    assert "privacy" not in report_text(collect(tmp_path))
