"""Tables of runs, as CSV."""

import csv
import io

from fedrobust.report import collect
from fedrobust.report.tables import csv_of
from tests.fedrobust.report.runs import write_run


def test_csv_has_a_row_a_run(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.7, 0.3, byzantine="alie", seed=seed)
    rows = [*csv.DictReader(io.StringIO(csv_of(collect(tmp_path)), newline=""))]
    assert [(r["byzantine"], r["seed"], r["clean"], r["robust_0.1"]) for r in rows] == [
        ("none", "0", "0.9", "0.5"),
        ("none", "1", "0.9", "0.5"),
        ("alie", "0", "0.7", "0.3"),
        ("alie", "1", "0.7", "0.3"),
    ]
