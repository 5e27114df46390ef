"""Tables of runs, as CSV."""

import csv

from fedrobust.report import collect, write_csv
from tests.fedrobust.report.runs import write_run


def test_csv_has_a_row_a_run(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.7, 0.3, byzantine="alie", seed=seed)
    write_csv(collect(tmp_path), tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [(r["byzantine"], r["seed"], r["clean"], r["robust_0.1"]) for r in rows] == [
        ("none", "0", "0.9", "0.5"),
        ("none", "1", "0.9", "0.5"),
        ("alie", "0", "0.7", "0.3"),
        ("alie", "1", "0.7", "0.3"),
    ]
